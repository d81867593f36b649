"""The relay: takes what is in the outbox, publishes it in log order, and deletes it once the broker
has confirmed.

A crash after the confirm and before the delete publishes an event twice; the consumer's inbox
counts it once. A crash anywhere else loses nothing, because the row is still there. So the promise
is: at least once, in order.

It takes ALL rows, never `sequence > last`: number 5 may commit after number 6, and a relay that
remembers 6 would never see 5. (It begins at a floor, below which no row can appear any more: see
floor.py.) One relay works at a time, the one whose session holds an advisory lock; the others of
the same service wait for it. A leader that freezes loses its session, and with it the lock; when it
thaws, all it can do is publish a batch twice. Next: messaging/broker.py, the broker's port.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog

from cqrs_demo.backoff import Backoff
from cqrs_demo.contract.codec import encode
from cqrs_demo.contract.format import EventFormat
from cqrs_demo.database import Connection, connect
from cqrs_demo.messaging.broker import SUBSCRIBERS, TOPICS, Broker, Message, PublishFailed
from cqrs_demo.outbox.floor import Floor
from cqrs_demo.pace import Pace

log = structlog.get_logger()

BATCH = 500
POLL = 0.25  # seconds: the net under the wake-up
TAKEOVER_POLL = 0.5  # seconds between looks whether the leading relay is gone
LEADER_SILENCE = (
    10  # seconds without a word to the database, after which the leader is taken for gone
)
LEADER_LOCK = (7_365, 1)  # two-key advisory lock; the log's writer notes use the one-key space

# The limit stands inside: joined first and cut off then, a long outbox is merged with the log, and
# the log read from its beginning. The key is the user whose event it is.
FETCH = """
select e.sequence, e.id, e.type, e.subject, e.time, e.data::text as data, e.partitionkey,
    e.correlationid, e.causationid, e.dataschema, e.traceparent,
    coalesce(e.partitionkey, e.data ->> 'user_id', e.subject) as key
from (select sequence from demo.outbox where sequence > %s order by sequence limit %s) as oldest
join demo.events e using (sequence)
order by sequence
"""

FORGET = "delete from demo.outbox where sequence = any(%s)"


class Relay:
    """Run `run()` as a task; `wake()` it after each commit. `backoff.trouble` says what holds it
    up, or None."""

    def __init__(
        self, dsn: str, broker: Broker, source: str, pace: Pace, format: EventFormat = "json"
    ) -> None:
        self._dsn, self._broker, self.source, self._pace = dsn, broker, source, pace
        self._format = format
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self.backoff = Backoff(f"relay{source}", self._stop)
        self.leading = False

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        """Finish the batch in hand, then let run() return."""
        self._stop.set()
        self.wake()

    async def run(self) -> None:
        """Relay until stop() is called. Survives broker and database, or whatever it is; retries
        with growing pauses."""
        while not self._stop.is_set():
            try:
                async with await connect(
                    self._dsn, f"relay{self.source}", LEADER_SILENCE
                ) as session:
                    await self._serve(session)
            except (
                Exception
            ) as error:  # whatever it is: a relay that has ended looks like one with nothing to do
                await self.backoff.wait_out(error)  # not for a wake-up: every commit sends one
            finally:
                self.leading = False

    async def _serve(self, session: Connection) -> None:
        """Become the leader, and relay as long as the session lives: the lock is the session's."""
        while not await self._lead(session):
            self.backoff.over()  # another copy leads: that is how it should be
            if await _wait(self._stop, TAKEOVER_POLL):
                return
        self.leading = True
        await self._broker.declare(*SUBSCRIBERS)
        floor, woken = Floor(), True
        while not self._stop.is_set():
            async with self._pace.turn(BATCH) as most:
                # The net looks at everything: also at a row that somebody put below the floor by
                # hand, to have it published again.
                after = floor.position if woken else 0
                moved = await self._relay_batch(session, floor, after, most)
            self.backoff.over()
            woken = moved > 0 or await _wait(self._wake, POLL)

    async def _lead(self, session: Connection) -> bool:
        cursor = await session.execute("select pg_try_advisory_lock(%s, %s) as mine", LEADER_LOCK)
        row = await cursor.fetchone()
        return row is not None and bool(row["mine"])

    async def _relay_batch(self, session: Connection, floor: Floor, after: int, most: int) -> int:
        """Publish the oldest rows, `most` at the most, and forget those confirmed. Returns how
        many. Raises what broker or database raise."""
        self._wake.clear()  # before the look: a commit after it wakes us again
        await floor.before_look(session)
        rows = await (await session.execute(FETCH, [after, most], prepare=True)).fetchall()
        if rows:
            await self._publish(session, rows)
        floor.after_look(rows, most)
        return len(rows)

    async def _publish(self, session: Connection, rows: list[dict[str, Any]]) -> None:
        sent = datetime.now(UTC)  # a consumer may have them before we have the confirm
        try:
            await self._broker.publish([self._message(**row) for row in rows])
        except PublishFailed as failure:
            # Part of it may have arrived. Forget what surely did; the rest is published again.
            confirmed = [row for row in rows if str(row["id"]) in failure.confirmed]
            await self._forget(session, confirmed, sent)
            if failure.unroutable:  # a queue or a binding is gone: make it again
                await self._broker.declare(*SUBSCRIBERS)
            raise
        await self._forget(session, rows, sent)

    def _message(self, key: str, **event: Any) -> Message:
        type = event["type"]
        # What nobody here subscribes to is published all the same: somebody else may listen.
        wanted = type.partition(".")[0] in TOPICS
        told = encode(self._format, self.source, **event)
        id = str(event["id"])
        return Message(type, id, told.body, key, told.content_type, told.headers, wanted)

    async def _forget(
        self, session: Connection, rows: list[dict[str, Any]], sent: datetime
    ) -> None:
        if rows:
            self._pace.seen([row["id"] for row in rows], sent)
            await session.execute(FORGET, [[row["sequence"] for row in rows]], prepare=True)
            log.info("published", events=[str(row["id"]) for row in rows])
            self._pace.moved(len(rows))


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    """Until the event is set, but no longer than this. Returns whether it is."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
