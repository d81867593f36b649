"""Keeps both shops, ours and the naive one, for as long as its parent process lives, and shows a
hazard for each line on its standard input: `python -m cqrs_demo.tooling.workshop.hazard_child`.

The parent's side is two_shops.py. As in child_process.py, a kernel that is killed leaves nothing
behind: the pipe closes, and everything is stopped.
"""

import sys
from typing import Any

from cqrs_demo.exact_json import dumps, loads
from cqrs_demo.tooling.hazards.catalog import hazard_named
from cqrs_demo.tooling.hazards.report import as_json
from cqrs_demo.tooling.hazards.show import show
from cqrs_demo.tooling.hazards.stage import BrokerKind, Stage, stage
from cqrs_demo.tooling.hazards.waiting import HazardFailed
from cqrs_demo.tooling.runtime.brokers import NoBroker
from cqrs_demo.tooling.workshop.child_process import READY


def keep_stage(broker: BrokerKind) -> None:
    """Until the parent is gone. Raises HazardFailed, NoBroker when it does not start."""
    with stage(broker, _say) as both:
        _tell(READY.encode())
        for line in sys.stdin.buffer:
            _tell(dumps(_answer(both, loads(line))))


def _answer(both: Stage, asked: dict[str, Any]) -> dict[str, Any]:
    """What was counted, or {"failed": why}."""
    try:
        return as_json(show(both, hazard_named(asked["hazard"]), asked["seed"], _say))
    except HazardFailed as error:
        return {"failed": str(error)}


def _tell(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def _say(text: str) -> None:
    """Standard output is for answers."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        keep_stage("rabbitmq" if sys.argv[1] == "rabbitmq" else "pgmq")
    except (HazardFailed, NoBroker) as problem:
        sys.exit(str(problem))
