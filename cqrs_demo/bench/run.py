"""The benchmark as a whole: which measurements there are, on which broker each is made, and in what order."""

import os
import platform
import sys
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

import psutil

from cqrs_demo.bench import accept, end_to_end, lag, start
from cqrs_demo.bench.figures import Figure, Measurement, Say, Scale
from cqrs_demo.bench.rig import BrokerKind, running_system

# In the order in which they are made on a fresh system: first those that are to find it fresh, last those that leave it full.
ON_EACH_BROKER: dict[str, Measurement] = {"start": start.measure, "lag": lag.measure, "end-to-end": end_to_end.measure}
ON_ONE_BROKER: dict[str, Measurement] = {"accept": accept.measure}
MEASUREMENTS = ("start", "lag", "end-to-end", "accept")


def run(brokers: Sequence[BrokerKind], only: Collection[str], scale: Scale, say: Say) -> Iterator[Figure]:
    """Every figure as soon as it is known. `only` are names out of MEASUREMENTS. Raises RigFailed, LoadFailed."""
    for broker in brokers:
        wanted = {name: m for name, m in ON_EACH_BROKER.items() if name in only}
        if broker == brokers[0]:
            wanted |= {name: m for name, m in ON_ONE_BROKER.items() if name in only}
        if not wanted:
            continue
        say(f"starting a private system on {broker}")
        with running_system(broker) as rig:
            for measure in wanted.values():
                yield from measure(rig, scale, say)


def machine() -> dict[str, str]:
    """What the figures were made on."""
    memory = psutil.virtual_memory().total / 1e9
    libraries = ("fastapi", "uvicorn", "psycopg", "aio-pika", "pgmq")
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{os.cpu_count()} × {_processor()}, {memory:.0f} GB, {platform.system()} {platform.release()}",
        "load before": f"{os.getloadavg()[0]:.1f}" if sys.platform != "win32" else "unknown",
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {version(name)}" for name in libraries),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
