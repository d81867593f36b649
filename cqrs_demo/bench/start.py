"""start: from `cqrs-demo up` in an empty folder to all services ready. The rig has just done that."""

from collections.abc import Iterator

from cqrs_demo.bench.figures import Figure, Say, Scale, verdict
from cqrs_demo.bench.rig import Rig


def measure(rig: Rig, scale: Scale, say: Say) -> Iterator[Figure]:
    goal = verdict(rig.start_seconds < 10, "< 10 s")
    yield Figure("start", "first `cqrs-demo up` to ready", "s", [rig.start_seconds], rig.broker, **goal)
