"""What is measured: the system that `cqrs-demo up` starts, in a folder of its own, with private
databases and a private broker.

Nothing about it is special. The bench uses the workshop controls to pause relay and consumer, and
the superuser only to prepare data. Everything stops and the folder goes when the rig is left, also
by Ctrl-C.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg
from psycopg import sql

from cqrs_demo.client.client import Client, Mode
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from cqrs_demo.tooling.runtime.system import Folder, RunningSystem, find_system, running

BrokerKind = Literal["pgmq", "rabbitmq"]

START_WITHIN = 90.0
SETTLE_WITHIN = 120.0


class RigFailed(Exception):
    """The system did not start, or did not do what it was told."""


@contextmanager
def running_system(broker: BrokerKind, *, dashboard: bool = False) -> Iterator["Rig"]:
    """A system of its own until the block is left. Raises RigFailed when it does not come up."""
    folder = Path(tempfile.mkdtemp(prefix="cqrs-bench-"))
    # The broker that somebody exported for a shop of theirs is none to be swamped with a benchmark.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("CQRS_")
    }
    command = [
        sys.executable,
        "-P",
        "-m",
        "cqrs_demo",
        "up",
        "--broker",
        broker,
        "--data-dir",
        str(folder),
    ]
    command += [] if dashboard else ["--no-dashboard"]
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(  # noqa: S603  # our own program
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            system = _wait_until_ready(process, folder, output)
            yield Rig(broker, Folder(folder), system, time.monotonic() - began)
        finally:
            process.terminate()  # it stops its parts, in their order
            process.wait()
            shutil.rmtree(folder, ignore_errors=True)
            if sys.platform != "win32":
                os.sync()  # or the disk is still at it when the next system is measured


def _wait_until_ready(process: subprocess.Popen[bytes], folder: Path, output: Any) -> RunningSystem:
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        run = running(Folder(folder))
        if (
            run is not None and run.phase == "ready"
        ):  # the supervisor's word for "every part does its work"
            return find_system(folder)
        time.sleep(0.05)
    output.seek(0)
    raise RigFailed(
        "cqrs-demo up did not become ready:\n" + output.read().decode(errors="replace")[-2000:]
    )


class Rig:
    """A running system: where it is, its controls, and its databases as the superuser sees them."""

    def __init__(
        self, broker: BrokerKind, folder: Folder, system: RunningSystem, start_seconds: float
    ) -> None:
        self.broker: BrokerKind = broker
        self.system, self.start_seconds = system, start_seconds
        self.orders_url = system.url("order-service") + "/orders"
        self.invoices_url = system.url("invoice-service") + "/invoices"
        self.folder = folder
        self._admin = EmbeddedPostgres(folder.postgres).dsn()

    def dsn(self, database: str) -> str:
        """As the service's own role."""
        return self.system.databases[database]

    @property
    def broker_url(self) -> str:
        assert self.system.broker is not None
        return self.system.broker.url

    def superuser_dsn(self, database: str) -> str:
        parts = urlsplit(self._admin)
        return urlunsplit(parts._replace(path=f"/{database}"))

    def execute(self, database: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """As superuser, on a connection of its own."""
        with psycopg.connect(self.superuser_dsn(database), autocommit=True) as connection:
            cursor = connection.execute(sql.SQL(statement), values)
            return cursor.fetchall() if cursor.description else []

    def log(self, service: str) -> "LogTail":
        """What the service writes to its log from now on."""
        return LogTail(self.folder.logs / f"{service}.log")

    @contextmanager
    def paused(self, control: Literal["relay", "consumer"]) -> Iterator[None]:
        self._set(control, "paused")
        try:
            yield
        finally:
            self._set(control, "running")

    def _set(self, control: Literal["relay", "consumer"], mode: Mode) -> None:
        with Client(self.system.place, look=10, act=10) as client:
            if control == "relay":
                client.set_relay("order-service", mode)
            else:
                client.set_consumer(mode)

    def forget_outbox(self) -> None:
        """Take away what was written while the relay was paused and is not to be delivered."""
        self.execute("order_service", "truncate demo.outbox")

    def processes(self) -> dict[str, list[psutil.Process]]:
        """The services by name, PostgreSQL and the broker, each with its children."""
        found = {name: _family(service.pid) for name, service in self.system.services.items()}
        found["PostgreSQL"] = _family(EmbeddedPostgres(self.folder.postgres).pid())
        node = self.folder.rabbitmq / "processes.json"
        if node.exists():
            found["RabbitMQ"] = _family(json.loads(node.read_text())["node"][0])
        return found


class LogTail:
    """The lines a service's log gets from now on, as the objects they are."""

    def __init__(self, file: Path) -> None:
        self._file, self._position = file, file.stat().st_size

    def read(self) -> list[dict[str, Any]]:
        with self._file.open("rb") as lines:
            lines.seek(self._position)
            return [
                json.loads(line)
                for line in lines
                if line.startswith(b"{") and line.endswith(b"}\n")
            ]


def _family(pid: int | None) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def wait_until(
    holds: Callable[[], bool], *, seconds: float = SETTLE_WITHIN, every: float = 0.02
) -> bool:
    """Whether it came to hold within `seconds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True
