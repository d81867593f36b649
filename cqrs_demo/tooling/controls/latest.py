"""How long the newest events took from their commit to their projection.

Noted where it happens, in the consumer. The inbox does not tell it: after a replay each of its rows
is of the replay.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from statistics import median_high
from uuid import UUID

NEWEST = 200  # events
LAST = 60.0  # seconds


class Latest:
    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._taken: deque[tuple[float, float]] = deque(maxlen=NEWEST)

    def note(self, events: Sequence[UUID]) -> None:
        """These are projected now."""
        now = self._clock()
        self._taken.extend(
            (now, max(0.0, now - born)) for id in events if (born := born_at(id)) is not None
        )

    def latency(self) -> float | None:
        """The median, in seconds. None when nothing was projected in the last minute."""
        since = self._clock() - LAST
        taken = [seconds for at, seconds in self._taken if at >= since]
        return round(median_high(taken), 4) if taken else None


def born_at(id: UUID) -> float | None:
    """Seconds since the epoch, of a UUIDv7; other versions do not tell."""
    return (id.int >> 80) / 1000 if id.version == 7 else None
