"""What is on the way: events that a log has, and that their subscriber is not done with.

Both sides count by the second in which an event was born. What is settled is not counted again, but
for the last half minute: a long transaction may add to it.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from cqrs_demo.client.errors import Trouble
from cqrs_demo.client.place import COMMAND_SERVICES, CONSUMERS
from system.known import Fact, together, unknown
from system.one_call import Future, in_a_thread

OVERLAP = 30  # seconds
Row = dict[str, Any]


@dataclass(frozen=True)
class Span:
    """From `since` (seconds since the epoch) on, in buckets of `width` seconds."""

    since: int
    width: int


ALL_BY_THE_HOUR = Span(0, 3600)
Ask = Callable[[str, Span, Literal["log", "inbox"]], Row]


@dataclass(frozen=True)
class OnTheWay:
    """`oldest`: seconds since the oldest of them was born, to about half a second; 0 when there is
    none."""

    events: int
    oldest: float


class Tally:
    """`span` is what to count next."""

    def __init__(self) -> None:
        self.span = Span(_lately(), 1)
        self._history: Future[dict[int, int]] | None = None
        self._begun = False

    def begin(self, ask: Ask, within: float) -> None:
        """Count all of history once, by the hour, in the background: it may be long. Until that is
        done nobody knows what is on the way."""
        if self._begun:
            return
        if self._history is None:
            self._history = in_a_thread(lambda: missing_of(ask, ALL_BY_THE_HOUR))
        try:
            missing = self._history.result(within)
        except TimeoutError:
            return
        except Trouble:
            self._history = None  # somebody was away: again, with the next sample
            return
        self.span, self._begun = _from_oldest(missing), True

    def compare(self, logs: list[Fact[Row]], *done: Fact[Row]) -> Fact[OnTheWay]:
        """Of counts of `span`. The logs are to be counted first: what is projected meanwhile is not
        missing."""
        if not self._begun:
            return unknown("the logs are being counted")
        return together(partial(self._compare, len(done)), *done, *logs)

    def _compare(self, inboxes: int, *told: Row) -> OnTheWay:
        missing = _missing(told[:inboxes], told[inboxes:])
        self.span = _from_oldest(missing)
        if not missing:
            return OnTheWay(0, 0.0)
        return OnTheWay(sum(missing.values()), max(0.0, time.time() - min(missing) - 0.5))


def missing_of(ask: Ask, span: Span) -> dict[int, int]:
    """Raises NoAnswer, Refused."""
    logs = [ask(service, span, "log") for service in COMMAND_SERVICES]
    return _missing([ask(service, span, "inbox") for service in CONSUMERS], logs)


def _missing(done: Iterable[Row], logs: Iterable[Row]) -> dict[int, int]:
    """By second: how many events of the logs no inbox is done with."""
    settled, made = _sum(done), _sum(logs)
    return {
        second: events - settled[second]
        for second, events in made.items()
        if events > settled[second]
    }


def _sum(counts: Iterable[Row]) -> Counter[int]:
    by_second: Counter[int] = Counter()
    for told in counts:
        by_second.update(dict(told["born"]))
    return by_second


def _from_oldest(missing: dict[int, int]) -> Span:
    return Span(min([*missing, _lately()]), 1)


def _lately() -> int:
    return int(time.time()) - OVERLAP
