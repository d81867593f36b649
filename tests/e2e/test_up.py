"""One command starts everything, says where it is, and leaves nothing behind."""

import json
import re
import signal
import socket
import subprocess
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from cqrs_demo.settings import DEFAULT_PORTS
from cqrs_demo.tooling.runtime.ports import is_free
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from cqrs_demo.tooling.runtime.system import find_system
from tests.e2e.systems import (
    COMMAND,
    HOME,
    Up,
    cqrs_demo,
    eventually,
    four_steps,
    invoice_of,
    post,
    processes_of,
)


def test_the_four_steps_lead_from_a_user_to_an_invoice(shop: Up) -> None:
    # Given a system that just started, when the four steps are taken
    system = find_system(shop.folder)
    invoice = four_steps(system)
    # Then the order stands on the invoice of its month
    assert invoice["orders"] == [
        {"description": "Widget", "amount": 50.00, "purchase_dt": "2025-04-03T10:00:00Z"}
    ]
    assert (invoice["total"], invoice["invoice_dt"]) == (50.00, "2025-04-01T00:00:00Z")
    # And name and address arrive from the other service, by their own ways
    eventually(lambda: invoice_of(system, 1)["email"] == "alice@demo.com")
    eventually(
        lambda: invoice_of(system, 1)["shipping_address"] == "123 Main St, Cityville, ST 12345"
    )


def test_two_systems_started_at_the_same_moment_are_two(up: Callable[..., Up]) -> None:
    # Given two of them, who both find the usual ports free
    systems = [one.ready() for one in (up("one/shop"), up("two/shop"))]
    # Then each has services of its own, and an Alice of its own
    urls = [service.url for system in systems for service in system.services.values()]
    assert len(set(urls)) == len(urls)
    for system in systems:
        assert four_steps(system)["total"] == 50.00


def test_what_up_prints_can_be_copied_into_a_shell(shop: Up) -> None:
    system = find_system(shop.folder)
    lines = [line.strip() for line in shop.said().splitlines()]
    assert (
        f"curl -s '{system.url('invoice-service')}/invoices?user_id=1&month=4&year=2025'" in lines
    )


def test_status_as_json_has_the_shape_that_programs_rely_on(shop: Up) -> None:
    # When a program asks where the system is
    asked = cqrs_demo("status", "--json", "--data-dir", shop.folder)
    answer = json.loads(asked.stdout)
    # Then it finds exactly the keys it knows
    assert asked.returncode == 0
    assert list(answer) == ["services", "databases", "broker", "dashboard"]
    assert list(answer["services"]) == ["user-service", "order-service", "invoice-service"]
    for service in answer["services"].values():
        assert service["ready"] is True
        assert httpx.get(service["url"] + "/docs").status_code == 200
        assert psutil.pid_exists(service["pid"])
    assert {name: dsn.split(":")[1] for name, dsn in answer["databases"].items()} == {
        name: f"//{name}" for name in ("user_service", "order_service", "invoice_service")
    }
    assert answer["broker"]["kind"] == "pgmq"
    assert answer["dashboard"] is None


def test_a_service_reaches_its_own_database_and_no_other(shop: Up) -> None:
    for name, service in find_system(shop.folder).services.items():
        settings = {
            key
            for key in psutil.Process(service.pid).environ()
            if key.startswith("CQRS_") and key.endswith("_DB")
        }
        assert settings == {f"CQRS_{name.removesuffix('-service').upper()}_DB"}


def test_a_second_up_says_where_the_first_one_is(shop: Up) -> None:
    # When somebody starts the system that runs already
    again = cqrs_demo("up", "--data-dir", shop.folder)
    # Then it is no error, and they learn its URLs
    assert again.returncode == 0
    assert find_system(shop.folder).url("order-service") in again.stdout


def test_the_state_file_with_its_passwords_is_for_its_owner_alone(shop: Up) -> None:
    assert (shop.folder / "system.json").stat().st_mode & 0o777 == 0o600


def test_a_stopped_system_leaves_no_process_and_keeps_its_data(up: Callable[..., Up]) -> None:
    # Given a system with an invoice in it, when Ctrl-C stops it
    first = up()
    before = four_steps(first.ready())
    assert first.end(signal.SIGINT) == 0
    # Then no process of it is left
    assert processes_of(first.folder) == []
    assert cqrs_demo("status", "--data-dir", first.folder).returncode == 3
    # And the next start finds the invoice
    second = up()
    assert invoice_of(second.ready(), 1)["total"] == before["total"]
    # And it stops as well when it is told so by the system
    assert second.end(signal.SIGTERM) == 0
    assert processes_of(second.folder) == []


@pytest.mark.parametrize("moment", ["Starting in", "PostgreSQL works"])
def test_ctrl_c_in_the_middle_of_a_start_stops_what_was_started(
    up: Callable[..., Up], moment: str
) -> None:
    # Given a system that is just starting
    system = up()
    eventually(lambda: moment in system.said())
    # When Ctrl-C comes, then it ends, and leaves nothing
    assert system.end(signal.SIGINT) == 0
    assert processes_of(system.folder) == []


def test_two_systems_run_side_by_side_also_in_a_folder_with_spaces_and_a_very_long_name(
    shop: Up, up: Callable[..., Up]
) -> None:
    # Given one system, and the usual ports taken (by it, by this test, or by a third), when another
    # starts in an awkward folder
    taken = {urlsplit(service.url).port for service in find_system(shop.folder).services.values()}
    with ExitStack() as ports:
        for port in DEFAULT_PORTS.values():
            with suppress(OSError):
                ports.enter_context(socket.create_server(("127.0.0.1", port)))
                taken.add(port)
        second = up("with spaces & ünïcode/" + "and-a-name-beyond-socket-limits-" * 6)
        mine, other = find_system(shop.folder), second.ready()
    # Then it has ports of its own, and said who has the usual ones
    assert not {service.url for service in mine.services.values()} & {
        service.url for service in other.services.values()
    }
    for port in taken.intersection(
        DEFAULT_PORTS.values()
    ):  # a third, a test beside this one, may have ended meanwhile
        assert re.search(rf"port {port} is taken by .*\(pid \d+\); \S+ gets \d+", second.said())
    # And a user made there is not known here
    post(f"{other.url('user-service')}/users", {"name": "Bob", "email": "bob@demo.com"})
    assert post(f"{mine.url('user-service')}/users", {"name": "Bob", "email": "bob@demo.com"})


def test_detached_it_returns_when_ready_and_goes_on_until_down(tmp_path: Path) -> None:
    # When it is started in the background
    folder = tmp_path / "shop"
    started = cqrs_demo("up", "--detach", "--no-dashboard", "--data-dir", folder)
    try:
        # Then it is ready by the time the command returns
        assert started.returncode == 0, started.stdout + started.stderr
        assert find_system(folder).ready
        assert "curl" in started.stdout
    finally:
        # And goes away when told to
        stopped = cqrs_demo("down", "--data-dir", folder)
    assert stopped.returncode == 0
    assert processes_of(folder) == []


def test_an_error_of_a_detached_start_reaches_the_terminal(tmp_path: Path) -> None:
    # Given a broker that is not there
    nowhere = {"CQRS_BROKER_URL": "amqp://127.0.0.1:9/"}
    # When a system is to start on it in the background
    started = cqrs_demo(
        "up",
        "--detach",
        "--broker",
        "rabbitmq",
        "--data-dir",
        tmp_path / "shop",
        environment=nowhere,
    )
    # Then that is said here, and nothing runs
    assert started.returncode == 2
    assert "127.0.0.1:9" in started.stdout + started.stderr
    assert processes_of(tmp_path / "shop") == []


def test_the_naive_shop_runs_beside_a_system_until_it_is_told_to_stop(
    shop: Up, tmp_path: Path
) -> None:
    # Given the naive shop beside a running system
    said = tmp_path / "said"
    with said.open("w") as output:
        command = [*COMMAND, "naive", "--data-dir", str(shop.folder)]
        naive = subprocess.Popen(command, stdout=output, stderr=output)
    eventually(lambda: "Ctrl-C stops it" in said.read_text() or naive.poll() is not None)
    accounts, orders, invoice = re.findall(r"curl -s '?(http://[^' ]+)", said.read_text())
    # When a customer orders there
    post(accounts, {"user_id": 1, **HOME})
    eventually(lambda: customers(shop) == 1)
    order = {"description": "Widget", "amount": 50, "purchase_dt": "2025-04-03T10:00:00Z"}
    post(orders, {"user_id": 1, **order})
    # Then the order stands on an invoice of the naive shop
    eventually(lambda: httpx.get(invoice).status_code == 200)
    assert httpx.get(invoice).json()["total"] == "50.00"
    # And it leaves nothing behind when it is told to stop
    naive.send_signal(signal.SIGINT)
    assert naive.wait(timeout=10) == 0
    assert [is_free(urlsplit(url).port or 0) for url in (orders, invoice)] == [True, True]


def customers(shop: Up) -> int:
    """Those that the naive shop's invoices know."""
    admin = EmbeddedPostgres(shop.folder / "postgres").dsn()
    with psycopg.connect(make_conninfo(admin, dbname="naive")) as connection:
        rows = connection.execute("select user_id from customers").fetchall()
    return len(rows)
