"""The pace that relay and consumer keep. This one holds nothing back.

Whoever wants to stop time between two steps hands the loops another one. They know nothing of it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID


class Pace:
    @asynccontextmanager
    async def turn(self, most: int) -> AsyncIterator[int]:
        """Begin when it is time to. Gives how many messages may pass in this turn, `most` at the
        most; 0 means that it is not time yet: come again. While a loop is not within a turn it has
        nothing in hand."""
        yield most

    def allows(self, most: int) -> int:
        """How many more may pass in this turn, `most` at the most. At 0 the turn is to end."""
        return most

    def seen(self, events: Sequence[UUID], at: datetime | None = None) -> None:
        """These events pass this point, now or at the time given."""

    def projected(self, events: Sequence[UUID]) -> None:
        """These events count from now on: what was made of them is committed."""

    def moved(self, count: int) -> None:
        """So many messages of this turn are done with."""


Paces = Mapping[str, Pace]
"""A pace for each worker of a service, by the worker's name."""

FREE: Paces = {"relay": Pace(), "consumer": Pace()}
