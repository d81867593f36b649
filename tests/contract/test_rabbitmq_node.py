"""The private RabbitMQ node: all of it in one folder and on loopback, and none of it left when it
stops."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from cqrs_demo.tooling.runtime.rabbitmq_node import RabbitNode, RabbitNodeError
from tests.fixtures.brokers import need_rabbitmq


def processes_in(folder: Path) -> list[psutil.Process]:
    """Whoever was started with this folder as home, whether or not we know of it."""
    found = []
    for process in psutil.process_iter():
        try:
            if (
                process.environ().get("HOME") == str(folder)
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_a_node_lives_in_its_folder_and_leaves_nothing_behind(tmp_path: Path) -> None:
    need_rabbitmq()
    # Given a node in a folder whose name has a space
    folder = tmp_path / "private node"
    node = RabbitNode(folder)
    node.start()
    try:
        url, listening = (
            node.url(),
            [
                c.laddr.ip
                for p in processes_in(folder)
                for c in p.net_connections()
                if c.status == "LISTEN"
            ],
        )
        # Then it listens on loopback alone: AMQP, distribution, name server
        assert set(listening) <= {"127.0.0.1", "::1"}
        assert len(listening) >= 3
        # When its supervisor died, and the next one starts it again
        first_pid = node.pid
        again = RabbitNode(folder)
        again.start()
        # Then there is one node, at the same URL
        assert (again.url(), again.pid != first_pid) == (url, True)
        assert [p.pid for p in processes_in(folder) if p.name() == "beam.smp"] == [again.pid]
        # And a frozen one stops too, with all its processes
        again.pause()
        again.stop(seconds=10)
        assert processes_in(folder) == []
        assert again.pid is None
    finally:
        RabbitNode(folder).stop()
        node.stop()


def test_a_node_whose_clients_know_its_port_starts_there_or_not_at_all(tmp_path: Path) -> None:
    need_rabbitmq()
    # Given a node that was killed, and another server that took its port
    node = RabbitNode(tmp_path)
    try:
        node.start()
        url = node.url()
        node.kill()
        port = urlsplit(url).port or 0
        # When it is to start at that port, then it does not, and says who is in its way
        refusal = pytest.raises(RabbitNodeError, match=rf"its port {port} is taken by .+")
        with socket.create_server(("127.0.0.1", port)), refusal:
            node.start(keep_port=True)
        # And when the port is free again, it is where it was
        node.start(keep_port=True)
        assert (node.url(), node.pid is None) == (url, False)
    finally:
        node.stop()


def test_a_node_that_cannot_start_says_why(tmp_path: Path) -> None:
    need_rabbitmq()
    # Given something stands where its data should be
    (tmp_path / "data").write_text("not a folder")
    node = RabbitNode(tmp_path)
    # When it is started
    with pytest.raises(RabbitNodeError, match=r"ended:\n[\s\S]*rabbit"):
        node.start()
    # Then nothing is left running
    assert processes_in(tmp_path) == []


def test_a_node_that_was_never_started_has_no_url(tmp_path: Path) -> None:
    with pytest.raises(RabbitNodeError, match="never started"):
        RabbitNode(tmp_path).url()
