"""A data folder: what it holds, and the system that runs out of it.

`find_system()`, and in containers `named_system()`, are the one way to learn where a running system
is; commands, notebooks and dashboard all use them. The supervisor writes the state file, everybody
else reads it. Next: supervisor.py.
"""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, Self

import psutil
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cqrs_demo.client.health import is_healthy
from cqrs_demo.client.place import PREFIXES, Place
from cqrs_demo.settings import DEFAULT_PORTS
from cqrs_demo.tooling.runtime.lock import FolderLock
from cqrs_demo.tooling.runtime.private import unlinked
from cqrs_demo.tooling.runtime.typed import typed

Phase = Literal["starting", "ready", "stopping"]


class SystemProblem(Exception):
    """What was asked cannot be done; the text is for a terminal and says what to do instead."""

    exit_code = 1


class NotRunning(SystemProblem):
    exit_code = 3


class NotOurFolder(SystemProblem):
    exit_code = 2


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Process(_Record):
    """A process and not just its number: numbers are given out again, and only ours may be
    stopped."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """None when it is already gone."""
        try:
            return cls(pid=pid, created=psutil.Process(pid).create_time())
        except psutil.Error:
            return None

    def living(self) -> psutil.Process | None:
        """The process, unless it ended or another one has its number now."""
        try:
            process = psutil.Process(self.pid)
            same = (
                abs(process.create_time() - self.created) < 1
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except psutil.Error:
            return None
        return process if same else None


class Child(_Record):
    """A service, or the dashboard. No process: it died and is about to be started again."""

    url: str
    process: Process | None


class BrokerAddress(_Record):
    kind: Literal["pgmq", "rabbitmq"]
    url: str


class SystemRun(_Record):
    """A system since its `up`."""

    supervisor: Process
    phase: Phase
    services: dict[str, Child]
    databases: dict[str, str]
    broker: BrokerAddress | None
    dashboard: Child | None
    token: str | None = None
    """CQRS_API_TOKEN, where there was one at the start: every call must carry it."""


class StateFile(_Record):
    """The state file. `passwords` stay as long as the databases they open; `run` is None when
    nothing was left running."""

    made_by: Literal["cqrs-demo"]
    passwords: dict[str, str]
    broker: BrokerAddress | None = None
    run: SystemRun | None = None


class Folder:
    """The data folder and the names in it. Raises nothing until something is asked of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state_file = path / "system.json"
        self.lock = FolderLock(path / "lock")
        self.logs = path / "logs"
        self.postgres = path / "postgres"
        self.rabbitmq = path / "rabbitmq"

    def ours(self) -> list[Path]:
        """Everything `up` may have made in the folder; what tells that the folder is ours, and the
        lock, last."""
        unfinished = self.path.glob("system-*.tmp")
        return [
            self.postgres,
            self.rabbitmq,
            self.logs,
            *unfinished,
            self.state_file,
            self.path / "lock",
        ]

    def read(self) -> StateFile | None:
        """The state, or None where `up` was never run. Raises NotOurFolder when the file is
        something else's."""
        try:
            with open(self.state_file, "rb", opener=unlinked) as file:
                return StateFile.model_validate_json(file.read())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValidationError, OSError) as error:
            why = (
                "it is not readable"
                if isinstance(error, OSError)
                else "another program, or another version of this one, wrote it"
            )
            raise NotOurFolder(
                f"{self.state_file} cannot be used: {why}. Choose another folder with --data-dir"
            ) from error

    def write(self, state: StateFile) -> None:
        """All of it or nothing, whenever we are killed; for our user's eyes, as it holds
        passwords."""
        descriptor, unfinished = tempfile.mkstemp(
            prefix="system-", suffix=".tmp", dir=self.path
        )  # mode 0600
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(state.model_dump_json(indent=1))
        os.replace(unfinished, self.state_file)


def data_folder(data_dir: Path | str | None = None) -> Folder:
    """The folder named, else the one CQRS_DATA_DIR names, else .cqrs-demo here."""
    named = data_dir or os.environ.get("CQRS_DATA_DIR") or ".cqrs-demo"
    return Folder(Path(named).expanduser().resolve())


class ServiceStatus(_Record):
    """`ready` is None when nobody has asked. `process` is known for one of this machine's `up`."""

    url: str
    pid: int | None
    ready: bool | None
    process: Process | None = Field(None, exclude=True)


class DashboardStatus(_Record):
    url: str


class RunningSystem(_Record):
    """Where everything is; what `status --json` prints, except the token. The DSNs are those of the
    services' own roles."""

    services: dict[str, ServiceStatus]
    databases: dict[str, str]
    broker: BrokerAddress | None
    dashboard: DashboardStatus | None
    token: str | None = Field(None, exclude=True, repr=False)
    folder: Path | None = Field(None, exclude=True)
    """The data folder of one that this machine's `up` started."""

    @property
    def place(self) -> Place:
        """For a client."""
        return Place({name: self.url(name) for name in self.services}, self.token)

    @property
    def ready(self) -> bool:
        """Every service answers its health check with 200."""
        return all(service.ready for service in self.services.values())

    def url(self, service: str) -> str:
        """The service's URL with its prefix: url("user-service") + "/users" is where users are
        posted."""
        return self.services[service].url + PREFIXES[service]


NOTHING = RunningSystem(services={}, databases={}, broker=None, dashboard=None)


def find_system(data_dir: Path | str | None = None, *, ask_health: bool = True) -> RunningSystem:
    """The system that runs out of this folder (see data_folder). Asks each service for its health:
    up to 2 s. Raises NotRunning, NotOurFolder."""
    folder = data_folder(data_dir)
    run = running(folder)
    if run is None:
        raise NotRunning(
            f"No system runs in {folder.path}. Start it with `{typed('up', folder.path)}`, or name "
            "another folder with --data-dir"
        )
    ready: dict[str, bool] = {}
    if ask_health:
        with ThreadPoolExecutor() as pool:
            answers = pool.map(lambda name: _is_ready(run, name), run.services)
            ready = dict(zip(run.services, answers, strict=True))
    return RunningSystem(
        services={
            name: ServiceStatus(
                url=child.url,
                pid=child.process.pid if child.process else None,
                ready=ready.get(name),
                process=child.process,
            )
            for name, child in run.services.items()
        },
        databases=run.databases,
        broker=run.broker,
        dashboard=DashboardStatus(url=run.dashboard.url) if run.dashboard else None,
        token=run.token,
        folder=folder.path,
    )


def named_system() -> RunningSystem | None:
    """The system whose services CQRS_USER_SERVICE_URL and its likes name, as in containers; None
    when the first of them is not set. (CQRS_INVOICE_SERVICE_URL is read here alone: no service
    needs it.) Nobody is asked for their health."""
    if "CQRS_USER_SERVICE_URL" not in os.environ:
        return None
    services, databases = {}, {}
    for name, prefix in PREFIXES.items():
        url = _setting(name, "SERVICE_URL") or f"http://127.0.0.1:{DEFAULT_PORTS[name]}"
        url = url.rstrip("/").removesuffix(prefix)
        services[name] = ServiceStatus(url=url, pid=None, ready=None)
        if dsn := _setting(name, "DB"):
            databases[name.replace("-", "_")] = dsn
    broker = os.environ.get("CQRS_BROKER_URL", "")
    return RunningSystem(
        services=services,
        databases=databases,
        broker=BrokerAddress(kind="rabbitmq" if broker.startswith("amqp") else "pgmq", url=broker)
        if broker
        else None,
        dashboard=None,
        token=os.environ.get("CQRS_API_TOKEN"),
    )


def _setting(service: str, what: str) -> str | None:
    return os.environ.get(f"CQRS_{service.removesuffix('-service').upper()}_{what}")


def _is_ready(run: SystemRun, name: str) -> bool:
    """While it has no process, another program may answer where it was."""
    child = run.services[name]
    return child.process is not None and is_healthy(
        child.url + PREFIXES[name] + "/healthcheck", token=run.token
    )


def running(folder: Folder) -> SystemRun | None:
    """The run whose supervisor lives. Raises NotOurFolder."""
    state = folder.read()
    return state.run if state and state.run and state.run.supervisor.living() else None
