"""The consumer: takes batches from the broker, projects each in one transaction, then acknowledges.

A crash after the commit and before the acknowledgement brings the messages again, and the inbox counts them once. While
the database is away the consumer keeps its batch and tries again: giving it back would only bring it round sooner.

A message that cannot be applied goes to demo.dead_letters and the others flow. A message that comes again and again may be
the one that kills the process each time. So after two deliveries it is handled alone, and each attempt is noted before it is
made: after MAX_ATTEMPTS of them it is set aside unhandled. (The broker's delivery count cannot tell which of a batch of
five hundred did the killing; the note can.) Next: projection.py.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

import structlog

from cqrs_demo.contract.events import DecodeError, Event, Unknown, decode
from cqrs_demo.database import AWAY, Pool
from cqrs_demo.invoice_service.dead_letters import DeadLetter, dead_letter, digest, set_aside
from cqrs_demo.invoice_service.projection import project
from cqrs_demo.messaging.broker import QUEUES, Broker, BrokerError, Delivery, Subscription
from cqrs_demo.messaging.gate import Gate
from cqrs_demo.messaging.passages import Passages

log = structlog.get_logger()

Result = TypeVar("Result")

BATCH = 500
WAIT = 0.2  # seconds for a first message before the gate is looked at again
FIRST_BACKOFF, LAST_BACKOFF = 0.1, 5.0  # seconds between attempts while broker or database are away
EARLIER_TOGETHER = 1  # earlier deliveries a message may have had to be handled with its batch: a process may die of anything once
MAX_ATTEMPTS = 3

NOTE_ATTEMPT = """
insert into handling_attempts (digest) values (%s)
on conflict (digest) do update set attempts = handling_attempts.attempts + 1
returning attempts
"""

NOTED_ATTEMPTS = "select digest, attempts from handling_attempts where digest = any(%s)"

FORGET_ATTEMPTS = "delete from handling_attempts where digest = any(%s)"


class Consumer:
    """Run `run()` as a task. `trouble` says why it is not getting on, or None; `counts` what became of the messages."""

    def __init__(self, pool: Pool, broker: Broker) -> None:
        self._pool, self._broker = pool, broker
        self._stop = asyncio.Event()
        self._backoff = FIRST_BACKOFF
        self._projected = asyncio.Condition()
        self.gate = Gate()
        self.received = Passages()
        self.trouble: str | None = None
        self.counts: Counter[str] = Counter()

    async def stop(self) -> None:
        """Finish the batch in hand, then let run() return."""
        self._stop.set()
        await self.gate.resume()

    async def run(self) -> None:
        """Consume until stop() is called. Survives the broker, or whatever it is; retries with growing pauses."""
        while not self._stop.is_set():
            try:
                await self._broker.declare()
                if self.gate.mode == "running":
                    await self._flow()
                elif self.gate.admits(1):
                    await self._step()
                else:
                    await self.gate.rest()
            except Exception as error:  # also what nobody thought of: a consumer that is gone would look like one with nothing to do
                self._in_trouble(error)
                await self._back_off()

    async def _flow(self) -> None:
        """Batch after batch, until the gate closes or the service stops."""
        subscription = await self._broker.subscribe(QUEUES, prefetch=BATCH)
        try:
            while self.gate.mode == "running" and not self._stop.is_set():
                await self._handle(subscription, await subscription.receive(BATCH, WAIT))
                self.trouble, self._backoff = None, FIRST_BACKOFF
            await self._handle(subscription, await subscription.drain())
        finally:
            await subscription.close()

    async def _step(self) -> None:
        """One message at a time, as many as the gate admits."""
        subscription = await self._broker.subscribe(QUEUES, prefetch=0)
        try:
            while self.gate.mode == "paused" and self.gate.admits(1) and not self._stop.is_set():
                deliveries = await subscription.receive(1, WAIT)
                await self._handle(subscription, deliveries)
                await self.gate.passed(len(deliveries))
        finally:
            await subscription.close()

    async def _handle(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> None:
        """Apply a batch and acknowledge it: the messages above suspicion together, then each of the others alone."""
        together = [delivery for delivery in deliveries if not _suspect(delivery)]
        if together:
            await self._apply(together)
            await subscription.acknowledge(together)
        suspects = [delivery for delivery in deliveries if _suspect(delivery)]
        for suspect in await self._least_suspect_first(suspects) if suspects else ():
            await self._apply_suspect(suspect)
            await subscription.acknowledge([suspect])

    async def _least_suspect_first(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """So that a message which ends the process each time lets all its neighbours pass before it is tried again."""
        noted = await self._persistently(lambda: self._noted_attempts(deliveries))
        return sorted(deliveries, key=lambda delivery: noted.get(digest(delivery.body), 0))

    async def _apply_suspect(self, delivery: Delivery) -> None:
        attempts = await self._persistently(lambda: self._note_attempt(delivery))
        if attempts > MAX_ATTEMPTS:
            letter = DeadLetter(delivery, f"gave up: handling it ended the process {MAX_ATTEMPTS} times", "No stack: the process died.")
            await self._persistently(lambda: self._commit([], [letter]))
        else:
            await self._apply([delivery])

    async def _noted_attempts(self, deliveries: Sequence[Delivery]) -> dict[bytes, int]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(NOTED_ATTEMPTS, [[digest(delivery.body) for delivery in deliveries]])
            return {row["digest"]: row["attempts"] for row in await cursor.fetchall()}

    async def _note_attempt(self, delivery: Delivery) -> int:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(NOTE_ATTEMPT, [digest(delivery.body)])).fetchone()
        assert row is not None
        return int(row["attempts"])

    async def _apply(self, deliveries: Sequence[Delivery]) -> None:
        """Project what can be decoded, set aside what cannot, in one transaction. When that fails, find the one at fault."""
        events: list[Event] = []
        letters: list[DeadLetter] = []
        arrived = datetime.now(UTC)
        for delivery in deliveries:
            try:
                events.append(decode(delivery.body))
            except DecodeError as error:
                letters.append(dead_letter(delivery, error))
        self.received.note([event.id for event in events], arrived)
        try:
            await self._persistently(lambda: self._commit(events, letters, deliveries))
        except StoppedWhileAway:
            raise
        except Exception as error:  # not AWAY: one of the messages is at fault
            if len(deliveries) > 1:
                for delivery in deliveries:
                    await self._apply([delivery])
            else:
                letter = dead_letter(deliveries[0], error)
                await self._persistently(lambda: self._commit([], [letter], deliveries))

    async def _commit(self, events: Sequence[Event], letters: Sequence[DeadLetter], deliveries: Sequence[Delivery] = ()) -> None:
        known = [event for event in events if not isinstance(event, Unknown)]
        async with self._pool.connection() as connection, connection.transaction():
            projected = await project(connection, known) if known else []
            for letter in letters:
                await set_aside(connection, letter)
            suspects = [digest(delivery.body) for delivery in deliveries if _suspect(delivery)]
            if suspects:
                await connection.execute(FORGET_ATTEMPTS, [suspects])
        self._count(projected, len(known) - len(projected), len(events) - len(known), letters)
        async with self._projected:
            self._projected.notify_all()

    def _count(self, projected: list[UUID], duplicates: int, unknown: int, letters: Sequence[DeadLetter]) -> None:
        self.counts.update(projected=len(projected), duplicate=duplicates, unknown=unknown, dead=len(letters))
        if projected:
            log.info("projected", events=[str(id) for id in projected])
        for letter in letters:
            log.warning("dead letter", queue=letter.delivery.queue, reason=letter.reason)

    async def _persistently(self, action: Callable[[], Awaitable[Result]]) -> Result:
        """Repeat while the database is away: the batch in hand stays in hand."""
        while True:
            try:
                result = await action()
            except AWAY as error:
                self._in_trouble(error)
                await self._back_off()
                if self._stop.is_set():
                    raise StoppedWhileAway from error
            else:
                self._backoff = FIRST_BACKOFF
                return result

    async def wait_for_news(self, seconds: float) -> None:
        """Until a batch is committed here, but no longer than this."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._projected:
                await self._projected.wait()

    def _in_trouble(self, error: Exception) -> None:
        trouble = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        if trouble != self.trouble:
            log.warning("consumer in trouble, messages stay in their queues", trouble=trouble)
        self.trouble = trouble

    async def _back_off(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._backoff):
                await self._stop.wait()
        self._backoff = min(self._backoff * 2, LAST_BACKOFF)


def _suspect(delivery: Delivery) -> bool:
    """Whether handling it may have ended the process before."""
    return delivery.earlier > EARLIER_TOGETHER


class StoppedWhileAway(BrokerError):
    """Told to stop while the database is away: the batch goes back to the broker, unacknowledged."""
