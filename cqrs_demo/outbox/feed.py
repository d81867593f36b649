"""The log as a feed: the events of one service, in log order, none skipped.

It is read window by window, up to the horizon: the position up to which no writer still at work can
add an event. So a reader that pages while others write sees every event exactly once, and neither
end holds more than a window in memory. Next: sql/outbox/001_log_and_outbox.sql explains the
horizon; replay/rebuild.py is the reader this is made for.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from cqrs_demo.contract.json_codec import encode_json
from cqrs_demo.database import Pool
from cqrs_demo.errors import TryLater

WINDOW = 2_000  # positions per query
SETTLE_WITHIN = 1.0  # seconds to wait for writers at work
POLL = 0.04  # seconds between looks for new events, of this or any other copy of the service
HEARTBEAT = 15.0  # seconds of silence after which a follower gets an empty line

HORIZON = "select demo.log_horizon() as position"

IDENTITY = "select id from demo.log_identity"

SELECT = """
select sequence, id, type, subject, time, data::text as data, partitionkey, correlationid,
    causationid, dataschema, traceparent
from demo.events
"""

ONE = SELECT + "where id = %s"

LOG_END = (
    "select case when is_called then last_value else 0 end as position from "
    "demo.events_sequence_seq"
)

CHOSEN = """
where sequence > %(after)s and sequence <= %(upto)s
  and (%(type)s::text is null or type = %(type)s)
  and (%(subject)s::text is null or subject = %(subject)s)
  and (%(since)s::timestamptz is null or time >= %(since)s)
  and (%(until)s::timestamptz is null or time < %(until)s)
order by sequence
limit %(limit)s
"""

EVENTS = SELECT + CHOSEN

# The event that began it all, and those that followed: each half has its index. Materialized, or
# the planner may choose the positions' index, too, and walk through the log.
STORY = f"""
with story as materialized (
    {SELECT}
    where id = %(correlation)s or correlationid = %(correlation)s and id <> correlationid
)
select * from story
{CHOSEN}
"""  # noqa: S608  # made of the texts above, not of input


@dataclass(frozen=True, slots=True)
class WantedEvents:
    """Which events: None is no condition. `since` is inclusive, `until` is not; both are about the
    event's time. `correlation` is the id of the event that began a story."""

    type: str | None = None
    subject: str | None = None
    correlation: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


class LogNotSettled(TryLater):
    code = "log-not-settled"


class Feed:
    """The log of the service whose events carry `source`."""

    def __init__(self, pool: Pool, source: str) -> None:
        self._pool, self._source = pool, source
        self._end = 0
        self._looking = asyncio.Lock()

    async def identity(self) -> UUID:
        """Which log this is. Asked each time: the database may be exchanged while the service
        runs."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(IDENTITY, prepare=True)).fetchone()
        assert row is not None
        return UUID(str(row["id"]))

    async def one(self, id: UUID) -> bytes | None:
        """The event with this id, as a line of the feed. None when this log does not have it."""
        async with self._pool.connection() as connection:
            # Binary: encode_json() wants ids and times as they are.
            row = await (await connection.execute(ONE, [id], prepare=True, binary=True)).fetchone()
        return encode_json(self._source, **row) if row else None

    async def horizon(self) -> int:
        """Up to where the log is settled. An event behind one that is still being written waits for
        it."""
        return await self._position(HORIZON)

    async def complete_horizon(self) -> int:
        """A horizon that includes whatever was committed before this call. Raises LogNotSettled
        when a writer takes over a second."""
        end = await self._position(LOG_END)
        deadline = asyncio.get_running_loop().time() + SETTLE_WITHIN
        while True:
            horizon = await self.horizon()
            if horizon >= end:
                return horizon
            if asyncio.get_running_loop().time() > deadline:
                detail = f"an event at or before position {end} is still being written; ask again"
                raise LogNotSettled(detail)
            await asyncio.sleep(POLL / 8)

    async def read(
        self, wanted: WantedEvents, after: int, upto: int, limit: int | None = None
    ) -> AsyncIterator[bytes]:
        """Lines in chunks: up to `limit` events after one position, up to another."""
        left = limit or WINDOW
        # A story is a handful of events, wherever they stand: an index finds them all at once.
        window = WINDOW if wanted.correlation is None else upto
        while after < upto and left > 0:
            end = min(after + window, upto)
            lines = await self._window(wanted, after, end, min(left, WINDOW))
            if lines:
                yield b"\n".join(lines) + b"\n"
            after, left = end, left - (len(lines) if limit else 0)

    async def follow(
        self, wanted: WantedEvents, after: int, limit: int | None = None
    ) -> AsyncIterator[bytes]:
        """Lines in chunks, for ever (or until `limit` events): what there is, then what comes. An
        empty line is no event: it keeps proxies from closing a silent connection."""
        left = limit
        while True:
            horizon = await self.horizon()
            async for chunk in self.read(wanted, after, horizon, left):
                left = left and left - chunk.count(b"\n")
                yield chunk
            if left == 0:
                return
            after = max(after, horizon)
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await self._growth(after)
            except TimeoutError:
                yield b"\n"

    async def _growth(self, position: int) -> None:
        """Until the log goes on beyond `position`. One follower looks and all see, so a hundred
        cost what one does."""
        while self._end <= position:
            async with self._looking:
                if self._end <= position:
                    self._end = max(self._end, await self._position(LOG_END))
                if self._end <= position:
                    await asyncio.sleep(POLL)
        if await self.horizon() <= position:  # somebody is writing at this moment
            await asyncio.sleep(POLL / 2)

    async def _window(self, wanted: WantedEvents, after: int, upto: int, limit: int) -> list[bytes]:
        values = {**asdict(wanted), "after": after, "upto": upto, "limit": limit}
        query = EVENTS if wanted.correlation is None else STORY
        async with self._pool.connection() as connection:
            # Binary: ids and times then take a third of the time to read.
            rows = await (
                await connection.execute(query, values, prepare=True, binary=True)
            ).fetchall()
        return [encode_json(self._source, **row) for row in rows]

    async def _position(self, query: str) -> int:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(query, prepare=True)).fetchone()
        assert row is not None
        return int(row["position"])
