"""Whole systems: real processes, started and stopped as a person would."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from cqrs_demo.tooling.runtime.ports import free_port
from cqrs_demo.tooling.runtime.system import RunningSystem, data_folder, find_system, running

ALICE = {"name": "Alice", "email": "alice@demo.com"}
HOME = {"address1": "123 Main St", "city": "Cityville", "state": "ST", "zip": "12345"}

COMMAND = [sys.executable, "-m", "cqrs_demo"]


def cqrs_demo(
    *arguments: str | Path, environment: dict[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CQRS_")}
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=clean | (environment or {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def eventually(what: Callable[[], Any], within: float = 20) -> Any:
    """The first true answer of `what`."""
    deadline = time.monotonic() + within
    while not (answer := what()):
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.05)
    return answer


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every process that works in the data folder or names it on its command line, however it was
    started."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and (
                process.cwd().startswith(str(folder)) or str(folder) in " ".join(process.cmdline())
            ):
                found.append(process)
        except psutil.Error:
            continue
    return found


class Up:
    """One `cqrs-demo up` in the foreground."""

    def __init__(
        self, folder: Path, *options: str, environment: dict[str, str] | None = None
    ) -> None:
        self.folder = folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._said = folder.parent / "said"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CQRS_")}
        with self._said.open("w") as output:
            self.process = subprocess.Popen(
                [*COMMAND, "up", "--data-dir", str(folder), "--no-dashboard", *options],
                env=clean | (environment or {}),
                stdout=output,
                stderr=output,
            )

    def said(self) -> str:
        return self._said.read_text()

    def ready(self) -> RunningSystem:
        def is_ready() -> bool:
            assert self.process.poll() is None, self.said()
            run = running(data_folder(self.folder))
            return (
                run is not None and run.phase == "ready" and run.supervisor.pid == self.process.pid
            )

        eventually(is_ready, within=60)
        return find_system(self.folder)

    def end(self, how: signal.Signals = signal.SIGINT) -> int:
        """Its exit code. Fails when it takes longer than the five seconds it has promised (and one
        for a busy machine)."""
        self.process.send_signal(how)
        return self.process.wait(timeout=6)


@contextmanager
def dashboard_alone(system: Path, said: Path, host: str = "127.0.0.1") -> Iterator[int]:
    """The port of a dashboard of its own for the system in a data folder; none has to run there."""
    port = free_port()
    address = ["--host", host, "--port", str(port)]
    with said.open("w") as output:
        process = subprocess.Popen(
            [*COMMAND, "dashboard", "--data-dir", str(system), *address],
            stdout=output,
            stderr=output,
        )
    try:
        eventually(lambda: is_up(port) or process.poll() is not None, within=30)
        assert process.poll() is None, said.read_text()
        yield port
    finally:
        process.terminate()
        process.wait(10)


def is_up(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/_stcore/health").status_code == 200
    except httpx.HTTPError:
        return False


def post(url: str, body: dict[str, object]) -> httpx.Response:
    answer = httpx.post(url, json=body)
    assert answer.status_code == 201, answer.text
    return answer


def four_steps(system: RunningSystem, **changes: str) -> dict[str, object]:
    """The invoice of a user made now: Alice, with `changes`."""
    user = post(f"{system.url('user-service')}/users", {**ALICE, **changes}).json()["id"]
    post(f"{system.url('user-service')}/accounts", {"user_id": user, **HOME})
    order = {
        "user_id": user,
        "description": "Widget",
        "amount": 50.00,
        "purchase_dt": "2025-04-03T10:00:00Z",
    }
    event = post(f"{system.url('order-service')}/orders", order).headers["X-Event-Id"]
    return invoice_of(system, user, after_event=event)


def invoice_of(system: RunningSystem, user: int, **more: object) -> dict[str, object]:
    question = {"user_id": user, "month": 4, "year": 2025, "wait": 10, **more}
    answer = httpx.get(f"{system.url('invoice-service')}/invoices", params=question, timeout=20)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found
