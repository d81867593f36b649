"""What is known of each event of the last minutes: when it was accepted, published, received, and
what became of it. Nothing here asks anybody: watch.py does. Next: plan.py, which makes dots of it.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from cqrs_demo.messaging.broker import SUBSCRIBERS

Json = Mapping[str, Any]

SUBSCRIBER_OF = {topic: one.name for one in SUBSCRIBERS for topic in one.topics}
KEPT = 600  # events
EARLY = 3_000  # events that have passed somewhere, before their log was asked


class Receipt(NamedTuple):
    """`process` is when the consumer's process began: another one means that the first is gone."""

    at: float
    process: float


class End(NamedTuple):
    """`what`: projected, duplicate, or not-applied."""

    at: float
    what: str


@dataclass
class Trace:
    """Times are seconds since the epoch. `event` is the CloudEvent; of one that no log has, as much
    as its dead letter tells. `news` is when this was last looked for."""

    id: str
    event: dict[str, Any] = field(default_factory=dict)
    accepted: float | None = None
    published: list[float] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    projected: float | None = None
    set_aside: float | None = None
    reason: str = ""
    news: float = 0.0

    @property
    def open(self) -> bool:
        """Whether it is on its way, or in a hand once more."""
        last = max((receipt.at for receipt in self.receipts), default=0.0)
        settled = [end.at for end in self.ends]
        settled += [at for at in (self.projected, self.set_aside) if at is not None]
        settled += self.published if self.subscriber is None else []
        return not settled or max(settled) < last

    @property
    def service(self) -> str:
        return str(self.event.get("source", "")).removeprefix("/")

    @property
    def topic(self) -> str:
        return str(self.event.get("type", "")).partition(".")[0]

    @property
    def subscriber(self) -> str | None:
        """The service whose inbox it is for; None for what nobody subscribes to."""
        return SUBSCRIBER_OF.get(self.topic)


class Traces:
    """The newest KEPT events. Of a burst not every event is asked for: passages of the others are
    kept for a while, and forgotten."""

    def __init__(self) -> None:
        self._known: dict[str, Trace] = {}
        self._early: dict[str, Trace] = {}

    def all(self) -> list[Trace]:
        return list(self._known.values())

    def overdue(self, before: float) -> list[Trace]:
        """Those under way of which there has been no news since."""
        return [trace for trace in self._known.values() if trace.open and trace.news < before]

    def accepted(self, events: Iterable[dict[str, Any]]) -> None:
        for event in events:
            trace = self._known_from_now(event["id"])
            trace.event, trace.accepted = event, _seconds(event["time"])
            # Not now: whoever comes late asks the inbox at once about what happened long ago.
            trace.news = max(trace.news, trace.accepted)

    def passed(self, told: Json) -> None:
        """What a relay or a consumer tells of the last passages."""
        process = _seconds(told["began"])
        for row in told["passages"]:
            id = str(row["event_id"])
            trace = self._known.get(id) or self._early.setdefault(id, Trace(id))
            _pass(trace, row, process)
        _keep_newest(self._early, EARLY)

    def counted(self, since: Mapping[str, str]) -> None:
        """What an inbox has, by event."""
        for id, at in since.items():
            self._known[id].projected = _seconds(at)

    def set_aside(self, service: str, letters: Iterable[Json]) -> None:
        """Dead letters. One whose event is in no log was sent by somebody else."""
        for letter in letters:
            id = str(letter["event_id"] or f"letter {letter['id']} of {service}")
            trace = self._known_from_now(id)
            trace.event = trace.event or _as_event(id, letter)
            trace.set_aside, trace.reason = _seconds(letter["last_failed"]), letter["reason"]

    def _known_from_now(self, id: str) -> Trace:
        if id not in self._known:
            self._known[id] = self._early.pop(id, None) or Trace(id)
            _keep_newest(self._known, KEPT)
        return self._known[id]


def _pass(trace: Trace, row: Json, process: float) -> None:
    at = _seconds(row["at"])
    trace.news = time.time()
    if row["what"] == "published":
        trace.published.append(at)
    elif row["what"] == "received":
        trace.receipts.append(Receipt(at, process))
    else:
        trace.ends.append(End(at, row["what"]))
        if row["projected_at"]:
            trace.projected = _seconds(row["projected_at"])


def _keep_newest(traces: dict[str, Trace], most: int) -> None:
    while len(traces) > most:
        del traces[next(iter(traces))]


def _as_event(id: str, letter: Json) -> dict[str, Any]:
    kind = letter["event_type"] or letter["queue"]
    return {"id": id, "type": kind, "subject": "", "source": ""}


def _seconds(moment: str | datetime) -> float:
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return at.timestamp()
