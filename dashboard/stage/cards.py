"""What stands on the cards of the flow: counts, and how each part is. Unknown is a dash."""

from typing import Any

import reach
import words
from pulse import Sample

SAYS = {
    "running": "{} runs",
    "paused": "{} is paused",
    "stuck": "{} cannot get on",
    "away": "{} is down",
}
LANES = ("user", "account", "order")


def cards(sample: Sample) -> dict[str, Any]:
    modes = {gate: sample.mode(gate) for gate in sample.gates}
    queues: dict[str, int | None] = {**dict.fromkeys(LANES), **sample.queues()}
    values = {
        "user outbox": sample.outbox("user relay"),
        "order outbox": sample.outbox("order relay"),
        "dead letters": sample.dead,
        **queues,
    }
    return {
        "values": {**{name: words.number(count) for name, count in values.items()}}
        | {"counts": _counts(sample)},
        "states": {gate: SAYS[mode].format(_of(gate)) for gate, mode in modes.items()}
        | {"broker": "a queue for each kind of entity"},
        "names": {"broker": reach.broker_name()},
        "modes": {**modes, "user-service": _alive(modes["user relay"])}
        | {"order-service": _alive(modes["order relay"])},
    }


def _of(gate: str) -> str:
    return "consumer" if gate == "consumer" else "relay"


def _alive(mode: str) -> str:
    return "away" if mode == "away" else "running"


def _counts(sample: Sample) -> str:
    counts = (sample.gates["consumer"] or {}).get("counts")
    if counts is None:
        return ""
    return f"{words.number(counts['duplicate'])} duplicates dropped since its start"
