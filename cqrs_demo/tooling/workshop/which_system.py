"""Which system a notebook talks to: the one that runs, else one of its own."""

import os
from pathlib import Path

from cqrs_demo.tooling.runtime.rabbitmq_node import rabbitmq_server
from cqrs_demo.tooling.runtime.system import (
    NotRunning,
    RunningSystem,
    find_system,
    named_system,
)
from cqrs_demo.tooling.workshop.private_systems import Kind, PrivateSystem

LAB_BROKER = "CQRS_LAB_BROKER"
"""pgmq or rabbitmq: what a system of the notebook's own is to run on. Else it is what the running
system has, else PGMQ."""

LAB_SYSTEM = "CQRS_LAB_SYSTEM"
"""The data folder of a system that every notebook may break, one after the other: pytest starts it
(notebooks/solutions/conftest.py). Else each notebook starts a system of its own."""

_kept: dict[Kind, PrivateSystem] = {}


def running_system() -> RunningSystem | None:
    """The system that CQRS_USER_SERVICE_URL and its likes name (in containers), that of
    CQRS_DATA_DIR, or that of the nearest .cqrs-demo in this folder or above it. None when none of
    them runs."""
    if (named := named_system()) is not None:
        return named
    here = Path.cwd()
    folders = (
        [os.environ["CQRS_DATA_DIR"]]
        if "CQRS_DATA_DIR" in os.environ
        else [folder / ".cqrs-demo" for folder in (here, *here.parents)]
    )
    for folder in folders:
        try:
            return find_system(folder)
        except NotRunning:
            continue
    return None


def own_folder(*, fresh: bool = False) -> Path:
    """The data folder of a system that a notebook may break. `fresh`: a new and empty one. Raises
    DidNotStart."""
    if LAB_SYSTEM in os.environ and not fresh:
        return Path(os.environ[LAB_SYSTEM])
    return own_system(fresh=fresh).folder


def own_system(*, fresh: bool = False) -> PrivateSystem:
    """A private system that ends with this process; the same one for every call, unless it shall be
    `fresh`. Raises DidNotStart."""
    kind = own_kind()
    if fresh and kind in _kept:
        _kept.pop(kind).stop()
    if kind not in _kept or not _kept[kind].alive:
        _kept[kind] = PrivateSystem(kind)
    return _kept[kind]


def own_kind() -> Kind:
    """What a system of the notebook's own runs on."""
    wanted = os.environ.get(LAB_BROKER)
    if wanted is None:
        running = running_system()
        wanted = running.broker.kind if running and running.broker else "pgmq"
    return "rabbitmq" if wanted == "rabbitmq" and rabbitmq_server() else "pgmq"
