"""What is on the way: events that a log has, and that invoice-service is not done with.

Both sides count by the second in which an event was born. What is settled is not counted again, but
for the last minute: a long transaction may add to it.
"""

import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from known import Fact, together

OVERLAP = 60  # seconds
Row = dict[str, Any]


@dataclass(frozen=True)
class Span:
    """From `since` (seconds since the epoch) on, in buckets of `width` seconds."""

    since: int
    width: int


ALL_BY_THE_HOUR = Span(0, 3600)


@dataclass(frozen=True)
class OnTheWay:
    """`oldest`: seconds since the oldest of them was born, to about half a second; 0 when there is
    none, None until it has been looked at closely."""

    events: int
    oldest: float | None


class Tally:
    """`span` is what to count next: all of history by the hour, the first time."""

    def __init__(self) -> None:
        self.span = ALL_BY_THE_HOUR

    def compare(self, span: Span, logs: list[Fact[Row]], done: Fact[Row]) -> Fact[OnTheWay]:
        """Of counts of that span. The logs are to be counted first: what is projected meanwhile
        is not missing."""
        return together(partial(self._compare, span), done, *logs)

    def _compare(self, span: Span, done: Row, *logs: Row) -> OnTheWay:
        settled, made = dict(done["born"]), dict[int, int]()
        for log in logs:
            for second, events in log["born"]:
                made[second] = made.get(second, 0) + events
        missing = {
            second: events - settled.get(second, 0)
            for second, events in made.items()
            if events > settled.get(second, 0)
        }
        now = time.time()
        self.span = Span(min([*missing, int(now) - OVERLAP]), 1)
        if not missing:
            return OnTheWay(0, 0.0)
        age = max(0.0, now - min(missing) - 0.5)
        return OnTheWay(sum(missing.values()), age if span.width == 1 else None)
