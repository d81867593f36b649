"""What the pages say while something is broken: the system is not fine, what is not known is not
shown as known, and one button heals what a fault has left behind."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from streamlit.testing.v1 import AppTest

from cqrs_demo.messaging.broker import BrokerError, Message
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from cqrs_demo.tooling.workshop.broker import SyncBroker
from tests.browser.conftest import DASHBOARD, faults, forget, pulse, words_of
from tests.fixtures.shop import Shop, eventually

Open = Callable[[str], AppTest]
ROOT = DASHBOARD.parent


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a service that is frozen: it takes connections, and answers none."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def strip_of(app: AppTest) -> str:
    return next(text for text in words_of(app).splitlines() if 'class="strip"' in text)


def test_with_invoice_service_frozen_nobody_says_that_all_is_projected(
    alice: int, silent: str, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an invoice-service that takes calls and answers none
    monkeypatch.setenv("CQRS_INVOICE_SERVICE_URL", silent)
    forget()

    # When a page is opened, then what is on the way is unknown
    app = open_page("break_it")
    eventually(lambda: "invoice-service is down" in strip_of(app.run()))
    said = words_of(app)
    assert "on the way and dead letters: unknown" in said
    assert "everything is projected" not in said


def test_with_all_services_dead_nothing_is_fine(
    alice: int, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given three services where nobody listens
    for service in ("USER", "ORDER", "INVOICE"):
        monkeypatch.setenv(f"CQRS_{service}_SERVICE_URL", "http://127.0.0.1:1")
    forget()

    # Then no light of theirs is green, and the proof proves nothing
    said = words_of(open_page("break_it"))
    assert said.count("is down") == 3
    assert "everything is projected" not in said
    assert "not known at the moment" in said
    assert "accepted = invoiced" not in said


def test_events_of_a_log_that_are_not_projected_are_on_the_way(
    alice: int, busy_shop: Shop, open_page: Open
) -> None:
    # Given three events that are in neither outbox nor queue, and not in the read model either
    busy_shop.put("order-service", "/relay", {"mode": "paused"})
    for _ in range(3):
        busy_shop.place_order(alice)
    held = busy_shop.databases.rows("order_service", "delete from demo.outbox returning *")
    busy_shop.put("order-service", "/relay", {"mode": "running"})

    # Then they are on the way, by the log, whatever outbox and queues say
    app = open_page("invoices")
    eventually(lambda: "3 events on the way" in strip_of(app.run()))

    # And when they have arrived, everything is projected
    for row in held:
        busy_shop.databases.rows("order_service", "insert into demo.outbox values (%s, %s)", *row)
    eventually(lambda: "everything is projected" in strip_of(app.run()))


def test_amounts_that_differ_are_not_green_and_the_page_says_what_to_do(
    alice: int, busy_shop: Shop, open_page: Open
) -> None:
    # Given an invoice line of another amount than the order
    change = "update demo.invoice_lines set amount = amount + %s where description = 'Gadget'"
    busy_shop.databases.rows("invoice_service", change, 3)

    # Then as many orders are no proof
    app = open_page("break_it")
    eventually(lambda: "amounts differ by $" in words_of(app.run()))
    assert "accepted = invoiced" not in words_of(app)
    assert "Verify" in words_of(app)
    busy_shop.databases.rows("invoice_service", change, -3)
    eventually(lambda: "accepted = invoiced" in words_of(app.run()))


def test_what_a_fault_left_behind_is_on_every_page_and_one_button_heals_it(
    alice: int, busy_shop: Shop, open_page: Open
) -> None:
    # Given a consumer and a relay that somebody paused, and a page that knows nothing of it
    for service, loop in (("invoice-service", "consumer"), ("user-service", "relay")):
        busy_shop.put(service, f"/{loop}", {"mode": "paused"})
    app = open_page("invoices")
    eventually(lambda: "consumer paused" in strip_of(app.run()))
    heal = app.button(key="heal")
    assert "consumer paused" in heal.help
    assert "user relay paused" in heal.help

    # When the button is clicked, then both go on, and it is gone
    heal.click().run()
    assert busy_shop.get("invoice-service", "/consumer").json()["mode"] == "running"
    assert busy_shop.get("user-service", "/relay").json()["mode"] == "running"
    eventually(lambda: not any(found.key == "heal" for found in app.run().button))


def test_a_customer_of_whom_nothing_is_ordered_is_not_called_visible(
    alice: int, open_page: Open
) -> None:
    # Given a new customer, whose event is projected
    app = open_page("shop")
    next(found for found in app.button if "Random customer" in found.label).click().run()
    eventually(lambda: "known to invoice-service after" in words_of(app.run()))
    assert "visible after" not in words_of(app)


def test_the_broker_is_stopped_under_traffic_without_a_deadlock(
    busy_shop: Shop, open_page: Open
) -> None:
    # Given publishers that are at work in all queues, in another order than they are locked in
    types = ("order.created", "account.created", "user.created")
    batch = [Message(type, f"{type}-{n}", b'{"id": "no"}') for n in range(5) for type in types]
    failures: list[BrokerError] = []
    done = threading.Event()

    def publish() -> None:
        with SyncBroker(busy_shop.broker_url) as broker:
            while not done.is_set():
                try:
                    broker.publish(*batch)
                except BrokerError as error:
                    failures.append(error)

    with ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            pool.submit(publish)

        # When the broker is stopped and started again, time after time
        for _ in range(5):
            faults.faults().stop_broker()
            time.sleep(0.05)
            faults.faults().heal("broker")
            time.sleep(0.05)
        done.set()

    # Then no publisher was the victim of a deadlock
    assert failures == []
    busy_shop.databases.rows(
        "broker", "select pgmq.purge_queue(queue_name) from pgmq.list_queues()"
    )


def test_a_refusal_is_said_in_its_own_words(
    busy_shop: Shop, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a broker that nobody can connect to
    monkeypatch.setenv("CQRS_BROKER_URL", "postgresql://nobody:s3cr3t@127.0.0.1:1/broker")
    forget()

    # When it is to be stopped, then the page says why it cannot be, without the password
    app = open_page("break_it")
    next(found for found in app.button if found.label == "Stop PGMQ").click().run()
    assert "PGMQ could not be stopped" in words_of(app)
    assert "log says why" not in words_of(app)
    assert "s3cr3t" not in words_of(app)


def test_the_dashboards_log_holds_no_password() -> None:
    # Given a page that fails while it has a DSN in its hand, in the dashboard as Streamlit runs it
    program = """
import serve
from frame import guarded

@guarded
def page():
    dsn = "postgresql://user:" + "s3cr3t".upper() + "@host/db"
    raise KeyError("rows")

page()
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=DASHBOARD,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(Path.home())},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    # Then the log has the traceback, and not the value
    log = done.stdout + done.stderr
    assert "KeyError" in log
    assert "S3CR3T" not in log


@contextmanager
def frozen(server: EmbeddedPostgres) -> Iterator[None]:
    postmaster = psutil.Process(server.pid())
    everything = [postmaster, *postmaster.children(recursive=True)]
    for process in everything:
        process.suspend()
    try:
        yield
    finally:
        for process in everything:
            process.resume()


def test_with_a_database_that_hangs_the_lights_turn_and_nothing_is_known(
    alice: int, migrated: EmbeddedPostgres, open_page: Open
) -> None:
    # Given a page that is looked at
    app = open_page("invoices")
    eventually(lambda: "everything is projected" in strip_of(app.run()))

    # When the database server hangs, with every session to it
    with frozen(migrated):
        # Then the services' lights are red although they answer, and the broker's is
        eventually(lambda: strip_of(app.run()).count("no database") == 3)
        eventually(lambda: "broker does not answer" in strip_of(app.run()))
        eventually(lambda: "on the way and dead letters: unknown" in strip_of(app.run()))

        # And a new visitor sees as much
        visitor = open_page("shop")
        eventually(lambda: "no database" in strip_of(visitor.run()))

    # And once it goes on, so does the page, without a reload
    eventually(lambda: "everything is projected" in strip_of(app.run()))


def test_the_pulse_keeps_a_sample_that_is_late_from_hiding_a_newer_one() -> None:
    # Given a pulse that has a sample of now
    keeping: Any = pulse.Pulse()
    newer, older = (pulse.nothing_known(time.time() - age) for age in (0, 5))
    keeping._keep(newer)

    # When one comes that was begun before, then the newer one stays the last
    keeping._keep(older)
    assert keeping._samples[-1] is newer
