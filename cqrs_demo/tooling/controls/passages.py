"""When events passed a point of the pipeline: the newest few thousand, in memory, one clock reading
per batch.

What a workshop shows of a command's way between its two transactions comes from here
(passage_routes.py): the relay notes when it sent what the broker has confirmed since, the consumer
what has arrived and what it has done with. Commit and projection have their times in the tables.

Each passage has a position, and whoever has seen all up to one asks for what came after it. The
positions of a process begin with the microsecond of its start: those of the next process are
higher, so a reader goes on over a restart without knowing of it.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

REMEMBERED = 5_000


@dataclass(frozen=True, slots=True)
class Passage:
    """`since` is when the event came into the hand that is done with it now."""

    position: int
    event_id: UUID
    what: str
    at: datetime
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recent:
    """`missed` of those that were asked for are left out, or forgotten."""

    passages: list[Passage]
    last: int
    missed: int


@dataclass(frozen=True, slots=True)
class _Batch:
    first: int
    events: Sequence[UUID]
    what: str
    at: datetime
    since: datetime | None

    def __iter__(self) -> Iterator[Passage]:
        for place, event in enumerate(self.events):
            yield Passage(self.first + place, event, self.what, self.at, self.since)


class Passages:
    """The newest passages, REMEMBERED at the least once there have been so many."""

    def __init__(self) -> None:
        self.began = datetime.now(UTC)
        self._batches: deque[_Batch] = deque()
        self._count = 0
        self._last = self._start = int(self.began.timestamp() * 1_000_000)

    def note(
        self,
        ids: Sequence[UUID],
        at: datetime | None = None,
        what: str = "passed",
        since: datetime | None = None,
    ) -> datetime:
        """These passed together, now or at the time given. Returns that time."""
        at = at or datetime.now(UTC)
        if ids:
            self._batches.append(_Batch(self._last + 1, ids, what, at, since))
            self._last += len(ids)
            self._count += len(ids)
            while self._count - len(self._batches[0].events) >= REMEMBERED:
                self._count -= len(self._batches.popleft().events)
        return at

    def first(self, id: UUID) -> datetime | None:
        """When the event passed, for the first time if it did so again; None for one not seen, or
        no more remembered."""
        return next((batch.at for batch in self._batches if id in batch.events), None)

    def after(self, position: int, most: int) -> Recent:
        """The newest passages after the position, `most` at the most, oldest first."""
        newest: list[Passage] = []
        for batch in reversed(self._batches):
            wanted = [passage for passage in batch if passage.position > position]
            newest[:0] = wanted[max(0, len(wanted) + len(newest) - most) :]
            if len(newest) == most or len(wanted) < len(batch.events):
                break
        missed = self._last - max(position, self._start) - len(newest)
        return Recent(newest, self._last, max(0, missed))
