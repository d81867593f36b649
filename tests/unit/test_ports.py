"""Which ports are free, and who is to blame for the others."""

import os
import socket
import subprocess
import sys

from cqrs_demo.tooling.runtime.ports import free_port, holder, is_free, listens


def test_a_port_is_taken_while_somebody_listens_and_free_before_and_after() -> None:
    port = free_port()
    assert is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
    assert is_free(port)


def test_the_holder_of_a_port_is_named_with_its_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours:
        assert holder(ours.getsockname()[1]).endswith(f"(pid {os.getpid()})")


def test_a_port_that_somebody_listens_to_on_all_addresses_is_not_free() -> None:
    with socket.create_server(("0.0.0.0", 0)) as everywhere:
        assert not is_free(everywhere.getsockname()[1])


def test_who_listens_is_told_from_who_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours:
        port = ours.getsockname()[1]
        assert listens(os.getpid(), port)
        assert listens(os.getppid(), port)  # we are its child
        bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        assert not listens(bystander.pid, port)
        bystander.communicate(b"\n")
        assert not listens(bystander.pid, port)
