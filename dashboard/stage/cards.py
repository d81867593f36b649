"""What stands on the cards of the flow: counts, how each part is, and how fast events pass it. All
of it is facts (system/known.py): what is not known says so."""

from collections.abc import Sequence
from typing import Any

import words
from system import reach
from system.known import Fact
from system.pulse import rate
from system.sample import RELAYS, Mode, Sample
from system.tally import OnTheWay

LANES = ("user", "account", "order", "reservation", "payment")
INBOXES = ("order consumer", "payment consumer")
"""Beside that of the invoices."""


def cards(samples: Sequence[Sample]) -> dict[str, Any]:
    """Of the newest sample; the rates are over the newest few."""
    sample = samples[-1]
    relays = {relay: _relay(samples, relay) for relay in RELAYS}
    modes = {gate: sample.mode(gate) for gate in sample.gates}
    return {
        "values": _values(sample),
        "states": {
            **relays,
            "consumer": _consumer(samples),
            **{gate: _applies(samples, gate) for gate in INBOXES},
            "broker": sample.broker_says or "a queue for each kind of entity",
            "invoices": sample.on_the_way.shown(_lag),
        },
        "names": {"broker": reach.broker_name()},
        "modes": {
            **modes,
            "broker": sample.broker_mode,
            "user-service": _service(sample, "user relay"),
            "order-service": _service(sample, "order relay"),
            "payment-service": _service(sample, "payment relay"),
            "invoices": _invoices(sample),
        },
    }


def _values(sample: Sample) -> dict[str, str]:
    lanes = {lane: sample.queues.then(lambda depths, lane=lane: depths.get(lane)) for lane in LANES}
    counts = {
        **{relay.replace("relay", "outbox"): sample.outbox(relay) for relay in RELAYS},
        "dead letters": sample.dead,
        **lanes,
    }
    dropped = sample.duplicates().shown(lambda count: words.plural(count, "duplicate"))
    return {name: count.shown(words.number) for name, count in counts.items()} | {
        "counts": f"{dropped} dropped since its start"
    }


def _relay(samples: Sequence[Sample], relay: str) -> str:
    published = rate(samples, lambda sample: sample.published(relay))
    return _loop(samples[-1], relay, "relay", "publishes", published)


def _consumer(samples: Sequence[Sample]) -> str:
    projected = rate(samples, Sample.projected)
    text = _loop(samples[-1], "consumer", "consumer", "projects", projected)
    latency = samples[-1].latency()
    if latency.holds(lambda seconds: seconds is not None):
        text += f"; {latency.shown(words.duration)} from commit to invoice, in the last minute"
    return text


def _applies(samples: Sequence[Sample], gate: str) -> str:
    applied = rate(samples, lambda sample: sample.applied(gate))
    return _loop(samples[-1], gate, "consumer", "applies", applied)


def _loop(sample: Sample, gate: str, who: str, does: str, rate: Fact[float]) -> str:
    mode = sample.mode(gate)
    if mode == "stuck":
        return f"{who} {sample.trouble(gate)}"
    says: dict[Mode, str] = {"paused": "is paused", "away": "is down", "unknown": "is unknown"}
    if mode in says:
        return f"{who} {says[mode]}"
    return f"{who} runs, {does} {rate.shown(_a_second)}"


def _a_second(rate: float) -> str:
    return f"{rate:.0f}/s" if rate >= 0.95 or rate == 0 else f"{rate:.1f}/s"


def _lag(told: OnTheWay) -> str:
    if not told.events:
        return "lag 0 s, everything is projected"
    behind = words.plural(told.events, "event")
    return f"lag {told.oldest:.0f} s, {behind} behind"


def _service(sample: Sample, relay: str) -> Mode:
    if sample.database_is_away(relay):
        return "away"
    mode = sample.mode(relay)
    return mode if mode in ("away", "unknown") else "running"


def _invoices(sample: Sample) -> Mode:
    if sample.mode("consumer") == "away" or sample.database_is_away("consumer"):
        return "away"
    if not sample.on_the_way.fresh:
        return "unknown"
    return "paused" if sample.on_the_way.holds(lambda told: told.oldest >= 1) else "running"
