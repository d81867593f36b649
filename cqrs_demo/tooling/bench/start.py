"""start: from `cqrs-demo up` in an empty folder, as a newcomer types it, until everything is ready,
the dashboard too.

The rig has no dashboard, so this starts a system of its own, beside a rig that has nothing to do.
"""

from collections.abc import Iterator

from cqrs_demo.tooling.bench.figures import Figure, Say, Scale, verdict
from cqrs_demo.tooling.bench.rig import Rig, running_system


def measure(rig: Rig, scale: Scale, say: Say) -> Iterator[Figure]:
    say(f"start, {rig.broker}: a system in an empty folder")
    with running_system(rig.broker, dashboard=True) as newcomer:
        goal = verdict(newcomer.start_seconds < 10, "< 10 s") if rig.broker == "pgmq" else {}
        yield Figure(
            "start",
            "first `cqrs-demo up` to ready",
            "s",
            [newcomer.start_seconds],
            rig.broker,
            **goal,
        )
