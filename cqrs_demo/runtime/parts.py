"""The parts a running system consists of, each started, watched and stopped in the same way by supervisor.py."""

import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg

from cqrs_demo.runtime.migrations import MigrationError, migrate
from cqrs_demo.runtime.ports import HOST, free_port, holder, is_free, listens
from cqrs_demo.runtime.postgres import EmbeddedPostgres, PostgresError
from cqrs_demo.runtime.processes import apart, end
from cqrs_demo.runtime.rabbitmq_node import RabbitNode, RabbitNodeError
from cqrs_demo.runtime.system import Child, Process, is_healthy

GROUND_PATIENCE = 1.8
"""Seconds for a broker to stop cleanly, after the programs have taken theirs. Killed, it loses nothing either; it starts more slowly."""


class PartError(Exception):
    """A part did not start; the text says why."""


class Part(ABC):
    """Its own thread starts and watches it; another thread may stop() it at any moment, also in the middle of a start."""

    name: str
    log: Path

    @abstractmethod
    def start(self) -> None:
        """Raises PartError, also because it was stopped meanwhile."""

    @abstractmethod
    def alive(self) -> bool: ...

    @abstractmethod
    def answers(self) -> bool:
        """Whether it does its work by now."""

    @abstractmethod
    def where(self) -> str: ...

    @abstractmethod
    def stop(self) -> None:
        """In a bounded time: politely, then not. Harmless when it is not running."""

    def last_words(self) -> str:
        """The end of its log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-12:])
        except OSError:
            return ""


class Postgres(Part):
    """The embedded PostgreSQL with its databases, roles and schemas."""

    name = "PostgreSQL"

    def __init__(self, folder: Path, passwords: dict[str, str], pgmq: bool, say: Callable[[str], None]) -> None:
        self._server = EmbeddedPostgres(folder)
        self._passwords, self._pgmq, self._say = passwords, pgmq, say
        self._port: int | None = None
        self._migrated = False
        self.log = self._server.log

    def start(self) -> None:
        if not self._migrated:
            self._port = free_port()  # and kept from then on: the services know it
        try:
            self._server.start(self._port)
            self._say_what_was_opened()
            if not self._migrated:
                migrate(self._server.dsn(), list(self.databases().values()), self.dsn("broker") if self._pgmq else None)
        except PostgresError as error:
            raise PartError(str(error)) from error
        except (psycopg.Error, MigrationError) as error:
            raise PartError(f"the schemas could not be made: {error}") from error
        self._migrated = True

    def _say_what_was_opened(self) -> None:
        while self._server.opened:
            folder = self._server.opened.pop()
            self._say(f"{folder} may now be passed through (chmod o+x): PostgreSQL does not run as root, and its files are below")

    def databases(self) -> dict[str, str]:
        """The DSNs of the services' roles, by database."""
        return {name: self.dsn(name) for name in ("user_service", "order_service", "invoice_service")}

    def dsn(self, name: str) -> str:
        return f"postgresql://{name}:{self._passwords[name]}@{HOST}:{self._port}/{name}"

    def alive(self) -> bool:
        return self._server.pid() is not None

    def answers(self) -> bool:
        return True  # start() waits for that

    def where(self) -> str:
        return f"port {self._port}"

    def stop(self) -> None:
        self._server.interrupt()
        self._server.stop(seconds=1)


class PrivateRabbit(Part):
    """RabbitMQ in the data folder, where one is installed."""

    name = "RabbitMQ"

    def __init__(self, folder: Path) -> None:
        self._node = RabbitNode(folder)
        self.log = self._node.log

    def start(self) -> None:
        try:
            self._node.start()
        except RabbitNodeError as error:
            raise PartError(str(error)) from error

    def url(self) -> str:
        return self._node.url()

    def alive(self) -> bool:
        return self._node.pid is not None

    def answers(self) -> bool:
        return True  # start() waits for that

    def where(self) -> str:
        return self.url().rpartition("@")[2].rstrip("/")

    def stop(self) -> None:
        force = threading.Timer(GROUND_PATIENCE, self._node.kill)
        force.start()
        self._node.stop()
        force.cancel()


class Program(Part):
    """A process of ours that serves HTTP: a service or the dashboard."""

    def __init__(
        self,
        name: str,
        port: int,
        command: Callable[[int], list[str]],
        environment: Callable[[int], dict[str, str]],
        health: str,
        folder: Path,
        say: Callable[[str], None],
    ) -> None:
        """`command` and `environment` get the port it is to listen on: `port`, or a free one when that is taken.
        `health` is the path that answers 200 once it works."""
        self.name, self._port, self._command, self._environment = name, port, command, environment
        self._health, self._folder, self._say = health, folder, say
        self._child: subprocess.Popen[bytes] | None = None
        self.log = folder / "logs" / f"{name}.log"

    def start(self) -> None:
        if not is_free(self._port):
            taken, self._port = self._port, free_port()
            self._say(f"port {taken} is taken by {holder(taken)}; {self.name} gets {self._port}")
        try:
            with self.log.open("ab") as log:
                self._child = subprocess.Popen(  # noqa: S603  # our own programs, no shell
                    self._command(self._port),
                    env=self._environment(self._port),
                    cwd=self._folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    **apart(),
                )
        except OSError as error:
            raise PartError(str(error)) from error

    def record(self) -> Child:
        return Child(url=self.where(), process=Process.of(self._child.pid) if self._child and self.alive() else None)

    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def answers(self) -> bool:
        """Whether it works; and not another program that has come before it at its port, such as a system started at the same moment."""
        return self._child is not None and is_healthy(self.where() + self._health) and listens(self._child.pid, self._port)

    def where(self) -> str:
        return f"http://{HOST}:{self._port}"

    def stop(self) -> None:
        if self._child is not None:
            end([psutil.Process(self._child.pid)] if self.alive() else [])
            self._child.wait()
