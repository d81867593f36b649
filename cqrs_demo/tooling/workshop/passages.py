"""When events passed a point of the pipeline: the newest few thousand, in memory, one clock reading
per batch.

What a workshop shows of a command's journey between its two transactions comes from here
(passage_routes.py): the relay notes when it sent what the broker has confirmed since, the consumer
when it arrived.
Commit and projection have their times in the tables.
"""

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

REMEMBERED = 5_000


class Passages:
    """The newest events that passed, REMEMBERED at the least once so many have."""

    def __init__(self) -> None:
        self._batches: deque[tuple[datetime, Sequence[UUID]]] = deque()
        self._count = 0

    def note(self, ids: Sequence[UUID], at: datetime | None = None) -> None:
        """These passed together, now or at the time given."""
        if not ids:
            return
        self._batches.append((at or datetime.now(UTC), ids))
        self._count += len(ids)
        while self._count - len(self._batches[0][1]) >= REMEMBERED:
            self._count -= len(self._batches.popleft()[1])

    def first(self, id: UUID) -> datetime | None:
        """When the event passed, for the first time if it did so again; None for one not seen, or
        no more remembered."""
        return next((at for at, ids in self._batches if id in ids), None)
