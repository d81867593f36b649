"""A program of ours works when it answers, and not when somebody else does at its port."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cqrs_demo.runtime.parts import Program
from cqrs_demo.runtime.ports import HOST, free_port
from tests.fixtures.shop import eventually

SERVE = (
    "import sys; from http.server import *; ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), SimpleHTTPRequestHandler).serve_forever()"
)


class Well(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def program(folder: Path, port: int, code: str) -> Program:
    (folder / "logs").mkdir()
    return Program("a-service", port, lambda port: [sys.executable, "-c", code, str(port)], lambda _: {}, "/", folder, print)


def test_a_program_that_answers_works(tmp_path: Path) -> None:
    ours = program(tmp_path, free_port(), SERVE)
    ours.start()
    try:
        eventually(ours.answers)
    finally:
        ours.stop()
    assert not ours.answers()


def test_another_server_at_the_port_of_a_program_does_not_answer_for_it(tmp_path: Path) -> None:
    # Given a program that does not listen yet, and another that took its port in the meantime and is well
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
