"""Waiting for one's own event: one look at the inbox for all who wait, however many they are.

The consumer of this process says when it has committed. The event may also be projected by another
copy of the service, so that somebody looks every POLL seconds, as long as anybody waits.
"""

import asyncio
from collections import defaultdict
from contextlib import suppress
from uuid import UUID

from cqrs_demo.database import Pool
from cqrs_demo.errors import TryLater

POLL = 0.05  # seconds

PROJECTED = "select event_id from demo.processed_events where event_id = any(%b)"


class NotProjectedYet(TryLater):
    code = "not-projected-yet"

    def __init__(self, event_id: UUID) -> None:
        super().__init__(f"event {event_id} has not been projected yet; ask again")


class Waiting:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._futures: defaultdict[UUID, set[asyncio.Future[None]]] = defaultdict(set)
        self._news = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Something was projected here."""
        self._news.set()

    async def until_projected(self, event_id: UUID, seconds: float) -> bool:
        """Whether the event is projected within so many seconds. Raises what the driver raises when
        the database is away."""
        if await self._projected([event_id]):
            return True
        future = asyncio.get_running_loop().create_future()
        self._futures[event_id].add(future)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await future
                    return True
            return False
        finally:
            self._leave(event_id, future)

    def _leave(self, event_id: UUID, future: asyncio.Future[None]) -> None:
        if future.done():
            future.cancelled() or future.exception()  # seen
        self._futures[event_id].discard(future)
        if not self._futures[event_id]:
            del self._futures[event_id]

    async def _look(self) -> None:
        """Again and again, until nobody waits any more."""
        try:
            while self._futures:
                self._news.clear()  # before the look: a commit after it wakes us again
                for event_id in await self._projected(list(self._futures)):
                    for future in self._futures.get(event_id, ()):
                        if not future.done():
                            future.set_result(None)
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL):
                        await self._news.wait()
        except Exception as error:  # the database is away: each of those who wait is told
            for future in [one for futures in self._futures.values() for one in futures]:
                if not future.done():
                    future.set_exception(error)
        finally:
            self._looking = None

    async def _projected(self, event_ids: list[UUID]) -> list[UUID]:
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(PROJECTED, [event_ids], prepare=True)).fetchall()
        return [row["event_id"] for row in rows]
