"""Which system a notebook talks to: the one that runs, else one of its own."""

import os
from pathlib import Path

from cqrs_demo.runtime.rabbitmq_node import rabbitmq_server
from cqrs_demo.runtime.system import NotRunning, RunningSystem, find_system
from cqrs_demo.workshop.keeping import KeptSystem, Kind

LAB_BROKER = "CQRS_LAB_BROKER"
"""pgmq or rabbitmq: what a system of the notebook's own is to run on. Else it is what the running system has, else PGMQ."""

_kept: dict[Kind, KeptSystem] = {}


def running_system() -> RunningSystem | None:
    """The system of CQRS_SYSTEM (what `status --json` prints: for containers), of CQRS_DATA_DIR, or of the nearest .cqrs-demo
    in this folder or above it. None when none of them runs."""
    if described := os.environ.get("CQRS_SYSTEM"):
        return RunningSystem.model_validate_json(described)
    here = Path.cwd()
    folders = (
        [os.environ["CQRS_DATA_DIR"]] if "CQRS_DATA_DIR" in os.environ else [folder / ".cqrs-demo" for folder in (here, *here.parents)]
    )
    for folder in folders:
        try:
            return find_system(folder)
        except NotRunning:
            continue
    return None


def own_system(*, fresh: bool = False) -> KeptSystem:
    """A private system that ends with this process; the same one for every call, unless it shall be `fresh`. Raises DidNotStart."""
    kind = _kind()
    if fresh and kind in _kept:
        _kept.pop(kind).stop()
    if kind not in _kept or not _kept[kind].alive:
        _kept[kind] = KeptSystem(kind)
    return _kept[kind]


def _kind() -> Kind:
    wanted = os.environ.get(LAB_BROKER)
    if wanted is None:
        running = running_system()
        wanted = running.broker.kind if running and running.broker else "pgmq"
    return "rabbitmq" if wanted == "rabbitmq" and rabbitmq_server() else "pgmq"
