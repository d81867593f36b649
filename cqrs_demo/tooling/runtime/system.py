"""A data folder: what it holds, and the system that runs out of it.

`find_system()` is the one way to learn where a running system is; commands, notebooks and dashboard
all use it. The supervisor writes the state file, everybody else reads it. Next: supervisor.py.
"""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

import psutil
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cqrs_demo.tooling.runtime.lock import FolderLock
from cqrs_demo.tooling.runtime.private import unlinked

PREFIXES = {
    "user-service": "/system-api",
    "order-service": "/order-service",
    "invoice-service": "/invoice-service",
}

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


class Broker(_Record):
    kind: Literal["pgmq", "rabbitmq"]
    url: str


class SystemRun(_Record):
    """A system since its `up`."""

    supervisor: Process
    phase: Phase
    services: dict[str, Child]
    databases: dict[str, str]
    broker: Broker | None
    dashboard: Child | None
    token: str | None = None
    """CQRS_API_TOKEN, where there was one at the start: every call must carry it."""


class StateFile(_Record):
    """The state file. `passwords` stay as long as the databases they open; `run` is None when
    nothing was left running."""

    made_by: Literal["cqrs-demo"]
    passwords: dict[str, str]
    broker: Broker | None = None
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
    url: str
    pid: int | None
    ready: bool


class DashboardStatus(_Record):
    url: str


class RunningSystem(_Record):
    """Where everything is; what `status --json` prints, except the token. The DSNs are those of the
    services' own roles."""

    services: dict[str, ServiceStatus]
    databases: dict[str, str]
    broker: Broker | None
    dashboard: DashboardStatus | None
    token: str | None = Field(None, exclude=True, repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What every call to a service must carry."""
        return bearer(self.token)

    @property
    def ready(self) -> bool:
        """Every service answers its health check with 200."""
        return all(service.ready for service in self.services.values())

    def url(self, service: str) -> str:
        """The service's URL with its prefix: url("user-service") + "/users" is where users are
        posted."""
        return self.services[service].url + PREFIXES[service]


NOTHING = RunningSystem(services={}, databases={}, broker=None, dashboard=None)


def find_system(data_dir: Path | str | None = None) -> RunningSystem:
    """The system that runs out of this folder (see data_folder). Asks each service for its health:
    up to 2 s. Raises NotRunning, NotOurFolder."""
    folder = data_folder(data_dir)
    run = running(folder)
    if run is None:
        raise NotRunning(
            f"No system runs in {folder.path}. Start it with `cqrs-demo up`, or name another "
            "folder with --data-dir"
        )
    with ThreadPoolExecutor() as pool:
        healthy = pool.map(lambda name: _is_ready(run, name), run.services)
    return RunningSystem(
        services={
            name: ServiceStatus(
                url=child.url, pid=child.process.pid if child.process else None, ready=ready
            )
            for (name, child), ready in zip(run.services.items(), healthy, strict=True)
        },
        databases=run.databases,
        broker=run.broker,
        dashboard=DashboardStatus(url=run.dashboard.url) if run.dashboard else None,
        token=run.token,
    )


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


def bearer(token: str | None) -> dict[str, str]:
    """The header for a service that wants a token; none for one that does not."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def is_healthy(url: str, timeout: float = 2.0, token: str | None = None) -> bool:
    """Whether a GET answers 200 within `timeout` seconds."""
    parts = urlsplit(url)
    connection = HTTPConnection(str(parts.hostname), parts.port, timeout=timeout)
    try:
        connection.request("GET", parts.path, headers=bearer(token))
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
