"""Answers kept for a moment and shared by all sessions: whoever asks first fetches, whoever asks
meanwhile waits for that.

(Streamlit's own cache with a time to live can lose an entry between looking for it and reading it;
seen once an hour at sixty reads a second.)
"""

import threading
import time
from collections.abc import Callable, Hashable
from functools import wraps
from typing import Generic, ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

KEPT = 500  # answers per function


class Shared(Generic[Parameters, Result]):
    """A function whose answers are kept for some seconds, by its positional arguments. What it
    raises is not kept."""

    def __init__(
        self,
        ask: Callable[Parameters, Result],
        seconds: float,
        outlives: type[Exception] | tuple[()] = (),
    ) -> None:
        self._ask, self._seconds, self._outlives = ask, seconds, outlives
        self._answers: dict[Hashable, tuple[float, Result]] = {}
        self._turns: dict[Hashable, threading.Lock] = {}
        wraps(ask)(self)
        _clears.append(self.clear)

    def __call__(self, *arguments: Parameters.args, **named: Parameters.kwargs) -> Result:
        key = (arguments, tuple(sorted(named.items())))
        with self._turns.setdefault(key, threading.Lock()):
            kept = self._answers.get(key)
            if kept is None or time.monotonic() - kept[0] > self._seconds:
                try:
                    kept = (time.monotonic(), self._ask(*arguments, **named))
                except self._outlives:
                    if kept is None:
                        raise
                self._keep(key, kept)
            return kept[1]

    def age(self, *arguments: Parameters.args, **named: Parameters.kwargs) -> float:
        """Seconds since the answer that is kept was given; 0 for none. Of interest where an answer
        outlives what it was asked of."""
        kept = self._answers.get((arguments, tuple(sorted(named.items()))))
        return time.monotonic() - kept[0] if kept else 0.0

    def _keep(self, key: Hashable, answer: tuple[float, Result]) -> None:
        if len(self._answers) >= KEPT:  # a rare thing, and all of it can be asked for again
            self.clear()
        self._answers[key] = answer

    def clear(self) -> None:
        """The next to ask is answered afresh."""
        self._answers.clear()
        self._turns = {}


_clears: list[Callable[[], None]] = []


def shared(
    seconds: float, *, outlives: type[Exception] | tuple[()] = ()
) -> Callable[[Callable[Parameters, Result]], Shared[Parameters, Result]]:
    """While asking raises what an answer `outlives`, the last answer is given, however old."""
    return lambda ask: Shared(ask, seconds, outlives)


def forget_all() -> None:
    for clear in _clears:
        clear()
