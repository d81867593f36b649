"""Real faults: processes killed under a running system, the supervisor included."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from cqrs_demo.settings import DEFAULT_PORTS
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from cqrs_demo.tooling.runtime.system import NotRunning, RunningSystem, data_folder, find_system
from tests.e2e.systems import Up, cqrs_demo, eventually, four_steps, invoice_of, post, processes_of


@pytest.fixture(scope="module")
def bruised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One system that stands being hurt again and again."""
    one = Up(tmp_path_factory.mktemp("bruised") / "data")
    try:
        one.ready()
        yield one
    finally:
        one.end()


@pytest.mark.parametrize("service", list(DEFAULT_PORTS))
def test_a_killed_service_is_started_again(bruised: Up, service: str) -> None:
    # Given a running system, when one of its services dies
    before = find_system(bruised.folder).services[service].pid
    assert before is not None
    psutil.Process(before).kill()
    # Then it is there again, where it was, in a new process
    eventually(lambda: find_system(bruised.folder).services[service].pid not in (None, before))
    eventually(lambda: find_system(bruised.folder).ready)
    # And that was said
    assert f"{service} died; starting it again" in bruised.said()


def test_a_service_waits_for_its_port_and_when_it_moves_its_reader_is_told(
    up: Callable[..., Up],
) -> None:
    # Given a running system with an order in it, not at the usual port, which any other system may
    # take that starts just then
    with ExitStack() as usual:
        with suppress(OSError):
            usual.enter_context(socket.create_server(("127.0.0.1", DEFAULT_PORTS["order-service"])))
        system = up()
        before = system.ready()
    four_steps(before)
    reader = before.services["invoice-service"].pid
    port = urlsplit(before.url("order-service")).port
    assert port is not None
    # When its order-service dies, and another shop's takes its port for a while
    _kill_and_take_the_port(
        before,
        port,
        until=lambda: f"order-service waits for its port {port}, now taken by" in system.said(),
    )
    # Then it was waited for, and is there again where it was; nobody else was disturbed
    eventually(lambda: find_system(system.folder).ready)
    assert find_system(system.folder).url("order-service") == before.url("order-service")
    assert find_system(system.folder).services["invoice-service"].pid == reader
    # When it dies again, and the port is taken for good
    _kill_and_take_the_port(
        find_system(system.folder),
        port,
        until=lambda: "invoice-service was told of another part's address" in system.said(),
    )
    # Then it works elsewhere, and invoice-service reads its log there
    eventually(
        lambda: (
            (now := find_system(system.folder)).ready
            and now.services["invoice-service"].pid not in (None, reader)
        )
    )
    after = find_system(system.folder)
    assert after.url("order-service") != before.url("order-service")
    assert four_steps(after, email="bob@demo.com")["total"] == 50.00
    run = httpx.post(after.url("invoice-service") + "/verify", json={}).json()
    while run["state"] == "running":
        run = httpx.get(after.url("invoice-service") + "/verify").json()
    assert (run["state"], run["result"]["drift"], run["result"]["in_no_log"]) == ("done", {}, 0)


def _kill_and_take_the_port(system: RunningSystem, port: int, until: Callable[[], object]) -> None:
    """Another server listens there, and answers everything with 200, from the service's death until
    `until` says so."""
    pid = system.services["order-service"].pid
    assert pid is not None
    process = psutil.Process(pid)
    process.kill()
    process.wait()
    with ThreadingHTTPServer(("127.0.0.1", port), SimpleHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        try:
            eventually(until, within=60)
        finally:
            other.shutdown()


def test_a_killed_postgresql_is_started_again_and_nothing_committed_is_lost(bruised: Up) -> None:
    # Given an invoice
    system = find_system(bruised.folder)
    invoice = four_steps(system)
    # When PostgreSQL is killed, with every database and the broker in it
    server = EmbeddedPostgres(data_folder(bruised.folder).postgres)
    before = server.pid()
    assert before is not None
    psutil.Process(before).kill()
    eventually(lambda: server.pid() not in (None, before))
    eventually(lambda: find_system(bruised.folder).ready)
    # Then the invoice is there, and the shop is open
    assert invoice_of(system, 1)["orders"] == invoice["orders"]
    post(f"{system.url('user-service')}/users", {"name": "Bob", "email": "bob@demo.com"})


def test_what_a_killed_supervisor_left_running_is_ended_by_the_next_up(
    up: Callable[..., Up],
) -> None:
    # Given a system whose supervisor was killed
    first = up()
    invoice = four_steps(first.ready())
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    left = processes_of(first.folder)
    assert left
    with pytest.raises(NotRunning):
        find_system(first.folder)
    # When it is started again
    second = up()
    system = second.ready()
    # Then what was left is gone and was named, and no data is
    assert not [
        process
        for process in left
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]
    assert all(f"stopped {name}" in second.said() for name in (*DEFAULT_PORTS, "PostgreSQL"))
    assert invoice_of(system, 1)["orders"] == invoice["orders"]


def test_down_ends_what_a_killed_supervisor_left_and_nothing_else(up: Callable[..., Up]) -> None:
    # Given what a killed supervisor left, with the number of one service given to another process
    # since
    system = up()
    order_service = system.ready().services["order-service"].pid
    system.process.send_signal(signal.SIGKILL)
    system.process.wait()
    assert order_service is not None
    _write_down_another_process_as("order-service", order_service, system.folder)
    # When it is told to stop
    stopped = cqrs_demo("down", "--data-dir", system.folder)
    # Then that other process lives, and the rest is gone
    assert stopped.returncode == 0
    assert [process.pid for process in processes_of(system.folder)] == [order_service]
    psutil.Process(order_service).kill()


def _write_down_another_process_as(service: str, pid: int, folder: Path) -> None:
    """As if `pid` had been given to a process that started a minute after the one that was written
    down."""
    state = data_folder(folder).read()
    assert state is not None
    assert state.run is not None
    child = state.run.services[service]
    assert child.process is not None
    older = child.model_copy(
        update={"process": child.process.model_copy(update={"created": child.process.created - 60})}
    )
    run = state.run.model_copy(update={"services": state.run.services | {service: older}})
    data_folder(folder).write(state.model_copy(update={"run": run}))
