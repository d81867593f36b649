"""The benchmark as a whole: which measurements there are, on which broker each is made, and in what
order."""

import os
import platform
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import psutil

from cqrs_demo.tooling.bench import (
    accept,
    codec,
    drain,
    end_to_end,
    growth,
    lag,
    naive,
    peer,
    query,
    replay,
    start,
)
from cqrs_demo.tooling.bench.figures import Figure, Measurement, Say, Scale
from cqrs_demo.tooling.bench.rig import BrokerKind, Rig, RigFailed, running_system

ON_EACH_BROKER: dict[str, Measurement] = {
    "start": start.measure,
    "lag": lag.measure,
    "end-to-end": end_to_end.measure,
    "relay": drain.measure,
}
ON_ONE_BROKER: dict[str, Measurement] = {
    "accept": accept.measure,
    "query": query.measure,
    "growth": growth.measure,
    "replay": replay.measure,
}
ALONE = {"codec": codec.measure}
"""It needs no system."""

MEASUREMENTS = (*ALONE, *ON_EACH_BROKER, *ON_ONE_BROKER)
"""In the order in which they are made: first those that are to find a fresh system, last those that
leave it full."""


@dataclass(frozen=True)
class Plan:
    """What to measure: names out of MEASUREMENTS, the peer's folder with the Python that has its
    packages, or None, and whether to measure the naive shop beside ours."""

    brokers: Sequence[BrokerKind]
    only: Collection[str]
    scale: Scale
    against: Path | None
    peer_python: str
    naive: bool = False


def run(plan: Plan, say: Say) -> Iterator[Figure]:
    """Every figure as soon as it is known. Raises RigFailed, LoadFailed."""
    if plan.against is not None:
        peer.check(plan.against, plan.peer_python)
        if "rabbitmq" not in plan.brokers:
            raise RigFailed(
                "the peer runs on RabbitMQ: --against needs --broker rabbitmq or both, and an "
                "installed RabbitMQ"
            )
    for name, measure_alone in ALONE.items():
        if name in plan.only:
            yield from measure_alone(plan.scale, say)
    for broker in plan.brokers:
        wanted = [measure for name, measure in ON_EACH_BROKER.items() if name in plan.only]
        if broker == plan.brokers[0]:
            wanted += [measure for name, measure in ON_ONE_BROKER.items() if name in plan.only]
        if broker == "rabbitmq" and plan.against is not None:
            wanted.append(partial(_peer, plan.against, plan.peer_python))
        if plan.naive:
            wanted.append(naive.measure)
        if not wanted:
            continue
        say(f"starting a private system on {broker}")
        with running_system(broker) as rig:
            for measure in wanted:
                yield from measure(rig, plan.scale, say)


def _peer(folder: Path, python: str, rig: Rig, scale: Scale, say: Say) -> Iterator[Figure]:
    return peer.measure(rig, folder, python, scale, say)


def machine() -> dict[str, str]:
    """What the figures were made on."""
    memory = psutil.virtual_memory().total / 1e9
    libraries = ("fastapi", "uvicorn", "psycopg", "aio-pika", "pgmq")
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{os.cpu_count()} × {_processor()}, {memory:.0f} GB, {platform.system()} "
        f"{platform.release()}",
        "load before": f"{os.getloadavg()[0]:.1f}" if sys.platform != "win32" else "unknown",
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {version(name)}" for name in libraries),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(
                line.partition(":")[2].strip() for line in lines if line.startswith("model name")
            )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
