"""The rule for everything the dashboard shows of the running system: what is not known is shown as
unknown, never as zero and never as fine; and a value that is older than a few seconds says so.

A Fact is a value with the moment of its measurement, or the reason why there is none. Its value is
read in this module and nowhere else: a page draws it with `shown`, asks `holds`, or makes another
fact of it. Next: pulse.py, which collects facts.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import words
from cqrs_demo.client.errors import Trouble

Value = TypeVar("Value")
Other = TypeVar("Other")

STALE = 3.0  # seconds; a value that is older is told with its age
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Fact(Generic[Value]):
    """Made by known() and unknown(). `at` is seconds since the epoch; `why` is why it is not
    known."""

    _value: Value | None
    at: float
    why: str | None = None

    @property
    def fresh(self) -> bool:
        """Known, and lately."""
        return self.why is None and self.age <= STALE

    @property
    def age(self) -> float:
        return max(0.0, time.time() - self.at)

    def shown(self, write: Callable[[Value], str] = str) -> str:
        """For a person. This is the one way onto a page."""
        if self.why is not None:
            return UNKNOWN
        text = write(self._value)  # type: ignore[arg-type]  # known
        return text if self.fresh else f"{text} · {words.ago(self.age)}"

    def holds(self, test: Callable[[Value], bool]) -> bool:
        """Whether it is known to be so now."""
        return self.fresh and test(self._value)  # type: ignore[arg-type]  # known

    def or_none(self) -> Value | None:
        """For charts and for what draws in the browser, where None is a gap."""
        return self._value if self.fresh else None

    def recorded(self) -> Value | None:
        """What it was at its time, for a chart of the past; None where it was not known."""
        return self._value

    def needed(self, why: str) -> "Fact[Any]":
        """Unknown where the value is None: that is how a service says that it does not know."""
        return self if self.why is not None or self._value is not None else unknown(why)

    def then(self, make: Callable[[Value], Other]) -> "Fact[Other]":
        """What follows from it; of the same moment, and as unknown as this."""
        return together(make, self)


def known(value: Value, at: float | None = None) -> Fact[Value]:
    return Fact(value, time.time() if at is None else at)


def unknown(why: str) -> Fact[Any]:
    return Fact(None, time.time(), why)


def asked(question: Callable[[], Value]) -> Fact[Value]:
    """The answer, as of when it was asked; unknown when nobody answers, or it is refused."""
    at = time.time()
    try:
        return known(question(), at)
    except Trouble as trouble:
        return unknown(str(trouble))


def together(make: Callable[..., Other], *facts: Fact[Any]) -> Fact[Other]:
    """What follows from several: unknown when one of them is, and as old as the oldest."""
    for fact in facts:
        if fact.why is not None:
            return replace(fact, _value=None)
    at = min(fact.at for fact in facts)
    return Fact(make(*(fact._value for fact in facts)), at)


def per_second(earlier: Fact[int], later: Fact[int]) -> Fact[float]:
    """How fast a count grew between two measurements. Unknown also when it began anew meanwhile."""
    if earlier.why is not None or later.why is not None:
        return unknown(str(later.why or earlier.why))
    grown, seconds = later._value - earlier._value, later.at - earlier.at  # type: ignore[operator]  # known
    if seconds <= 0 or grown < 0:
        return unknown("it is counted anew")
    return known(grown / seconds, later.at)
