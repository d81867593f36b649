"""A program of ours works when it answers, and not when somebody else does at its port."""

import socket
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cqrs_demo.tooling.runtime import parts
from cqrs_demo.tooling.runtime.parts import PartError, Program
from cqrs_demo.tooling.runtime.ports import HOST, free_port
from tests.fixtures.shop import eventually

SERVE = (
    "import sys; from http.server import *; ThreadingHTTPServer(('127.0.0.1', "
    "int(sys.argv[1])), SimpleHTTPRequestHandler).serve_forever()"
)


class Well(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def program(folder: Path, port: int, code: str, say: Callable[[str], None] = print) -> Program:
    (folder / "logs").mkdir()
    return Program(
        "a-service",
        port,
        lambda port: [sys.executable, "-c", code, str(port)],
        lambda _: {},
        "/",
        folder,
        say,
    )


def test_a_program_that_answers_works(tmp_path: Path) -> None:
    ours = program(tmp_path, free_port(), SERVE)
    ours.start()
    try:
        eventually(ours.answers)
    finally:
        ours.stop()
    assert not ours.answers()


def test_another_server_at_the_port_of_a_program_does_not_answer_for_it(tmp_path: Path) -> None:
    # Given a program that does not listen yet, and another that took its port in the meantime and
    # is well
    port = free_port()
    ours = program(tmp_path, port, "import time; time.sleep(60)")
    ours.start()
    with ThreadingHTTPServer((HOST, port), Well) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        try:
            # Then that is not ours
            assert not ours.answers()
        finally:
            other.shutdown()
            ours.stop()


def test_a_program_waits_for_the_port_that_others_know(tmp_path: Path) -> None:
    # Given a program that worked, and another process that took its port when it died
    said: list[str] = []
    port = free_port()
    ours = program(tmp_path, port, SERVE, said.append)
    ours.start()
    eventually(ours.answers)
    ours.stop()
    with socket.create_server((HOST, port)):
        # When it is started again
        restart = threading.Thread(target=ours.start)
        restart.start()
        # Then it says whom it waits for
        eventually(lambda: said)
        assert said[0].startswith(f"a-service waits for its port {port}, now taken by ")
    # And once the port is free it is where it was
    restart.join()
    try:
        eventually(ours.answers)
        assert ours.where() == f"http://{HOST}:{port}"
    finally:
        ours.stop()


def test_a_program_whose_port_is_not_to_be_had_takes_another_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PORT_PATIENCE", 0.3)
    said: list[str] = []
    port = free_port()
    ours = program(tmp_path, port, SERVE, said.append)
    ours.start()
    eventually(ours.answers)
    ours.stop()
    with socket.create_server((HOST, port)):
        ours.start()
        try:
            eventually(ours.answers)
        finally:
            ours.stop()
    assert ours.where() != f"http://{HOST}:{port}"
    assert said[-1].endswith(f"a-service gets {ours.where().rpartition(':')[2]}")


def test_a_program_that_waits_for_its_port_can_be_stopped(tmp_path: Path) -> None:
    port = free_port()
    ours = program(tmp_path, port, SERVE)
    ours.start()
    eventually(ours.answers)
    ours.stop()
    outcome: list[str] = []

    def restart() -> None:
        with pytest.raises(PartError) as stopped:
            ours.start()
        outcome.append(str(stopped.value))

    with socket.create_server((HOST, port)):
        waiting = threading.Thread(target=restart)
        waiting.start()
        eventually(lambda: ours.stop() or not waiting.is_alive())
    assert outcome == ["it was stopped"]
