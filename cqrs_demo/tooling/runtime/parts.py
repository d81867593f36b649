"""The parts a running system consists of, each started, watched and stopped in the same way by
supervisor.py."""

import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg

from cqrs_demo.client.health import is_healthy
from cqrs_demo.tooling.runtime.migrations import MigrationError, migrate
from cqrs_demo.tooling.runtime.ports import HOST, free_port, holder, is_free, listens
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres, PostgresError
from cqrs_demo.tooling.runtime.private import private
from cqrs_demo.tooling.runtime.processes import apart, end
from cqrs_demo.tooling.runtime.rabbitmq_node import RabbitNode, RabbitNodeError
from cqrs_demo.tooling.runtime.system import Child, Process

GROUND_PATIENCE = 1.8
"""Seconds for a broker to stop cleanly, after the programs have taken theirs. Killed, it loses
nothing either; it starts more slowly."""
PORT_PATIENCE = 30.0
"""Seconds to wait for a port that others were told of, while another process has it."""


class PartError(Exception):
    """A part did not start; the text says why."""


class Part(ABC):
    """Its own thread starts and watches it; another thread may stop() it at any moment, also in the
    middle of a start."""

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

    def outdated(self) -> bool:
        """Whether what it was told at its start, such as the URL of another part, is no longer
        so."""
        return False

    @abstractmethod
    def stop(self) -> None:
        """In a bounded time: politely, then not. Harmless when it is not running."""

    def last_words(self) -> str:
        """The end of its log."""
        try:
            with open(self.log, errors="replace", opener=private) as file:
                return "\n".join(file.read().splitlines()[-12:])
        except OSError:
            return ""


class Postgres(Part):
    """The embedded PostgreSQL with its databases, roles and schemas."""

    name = "PostgreSQL"

    def __init__(
        self, folder: Path, passwords: dict[str, str], pgmq: bool, say: Callable[[str], None]
    ) -> None:
        self._server, self._data_folder = EmbeddedPostgres(folder), folder.parent
        self._passwords, self._pgmq, self._say = passwords, pgmq, say
        self._port = 0
        self._migrated = False
        self.log = self._server.log

    def start(self) -> None:
        if not self._migrated:
            self._port = free_port()  # and kept from then on: the services know it
        try:
            self._server.start(self._port)
            self._say_what_was_opened()
            if not self._migrated:
                migrate(
                    self._server.dsn(),
                    list(self.databases().values()),
                    self.dsn("broker") if self._pgmq else None,
                )
        except PostgresError as error:
            free = is_free(self._port)
            raise PartError(
                str(error) if free else f"its port {self._port} is taken by {holder(self._port)}"
            ) from error
        except (psycopg.Error, MigrationError) as error:
            raise PartError(f"the schemas could not be made: {error}") from error
        self._migrated = True

    def _say_what_was_opened(self) -> None:
        while self._server.opened:
            folder = self._server.opened.pop()
            if folder != self._data_folder:
                who = (
                    "everybody (chmod o+x)"
                    if folder.stat().st_mode & 0o001
                    else "PostgreSQL (chmod g+x)"
                )
                self._say(
                    f"{folder} may now be passed through by {who}: PostgreSQL does not run as "
                    "root, and its files are below"
                )

    def databases(self) -> dict[str, str]:
        """The DSNs of the services' roles, by database."""
        return {
            name: self.dsn(name)
            for name in ("user_service", "order_service", "payment_service", "invoice_service")
        }

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
        self._url: str | None = None
        self.log = self._node.log

    def start(self) -> None:
        try:
            self._node.start(keep_port=self._url is not None)  # the services know it
            self._url = self._node.url()
        except (RabbitNodeError, OSError) as error:
            raise PartError(str(error)) from error

    def url(self) -> str:
        """Known once it has started."""
        assert self._url is not None
        return self._url

    def alive(self) -> bool:
        return self._node.pid is not None

    def answers(self) -> bool:
        return True  # start() waits for that

    def where(self) -> str:
        return (self._url or "").rpartition("@")[2].rstrip("/")

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
        token: str | None = None,
    ) -> None:
        """`command` and `environment` get the port it is to listen on: `port`, or a free one when
        that is taken. Once it has worked, others know its port: then it waits for it, and takes
        another only after PORT_PATIENCE. `health` is the path that answers 200 once it works, to
        who has the token."""
        self.name, self._port, self._command, self._environment = name, port, command, environment
        self._health, self._folder, self._say, self._token = health, folder, say, token
        self._child: subprocess.Popen[bytes] | None = None
        self._told: dict[str, str] = {}
        self._known = False
        self._stopped = threading.Event()
        self.log = folder / "logs" / f"{name}.log"

    def start(self) -> None:
        self._stopped.clear()  # a stop() that is called just now is called again
        if not is_free(self._port) and not (self._known and self._gets_its_port_back()):
            taken, self._port = self._port, free_port()
            self._say(f"port {taken} is taken by {holder(taken)}; {self.name} gets {self._port}")
        self._told = self._environment(self._port)
        try:
            with open(self.log, "ab", opener=private) as log:
                self._child = subprocess.Popen(  # noqa: S603  # our own programs, no shell
                    self._command(self._port),
                    env=self._told,
                    cwd=self._folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    **apart(),
                )
        except OSError as error:
            raise PartError(str(error)) from error

    def _gets_its_port_back(self) -> bool:
        """Whether its port becomes free in time. Raises PartError when it is stopped meanwhile."""
        port, deadline = self._port, time.monotonic() + PORT_PATIENCE
        self._say(
            f"{self.name} waits for its port {port}, now taken by {holder(port)}; after "
            f"{PORT_PATIENCE:.0f} s it takes another"
        )
        while not is_free(port):
            if self._stopped.wait(0.1):
                raise PartError("it was stopped")
            if time.monotonic() > deadline:
                return False
        return True

    def record(self) -> Child:
        return Child(
            url=self.where(),
            process=Process.of(self._child.pid) if self._child and self.alive() else None,
        )

    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def answers(self) -> bool:
        """Whether it works; and not another program that has come before it at its port, such as a
        system started at the same moment."""
        if self._child is None or not is_healthy(self.where() + self._health, token=self._token):
            return False
        ours = listens(self._child.pid, self._port)
        self._known = self._known or ours
        return ours

    def outdated(self) -> bool:
        return self._told != self._environment(self._port)

    def where(self) -> str:
        return f"http://{HOST}:{self._port}"

    def stop(self) -> None:
        self._stopped.set()
        if self._child is not None:
            end([psutil.Process(self._child.pid)] if self.alive() else [])
            self._child.wait()
