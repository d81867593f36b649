"""One batch of messages: decoded, applied in one transaction, and what cannot be applied set aside
as a dead letter.

A failure that is the fault of a message (blame.py) is narrowed down to that message, so that the
others flow. Any other failure leaves handle() as an exception: the caller keeps the batch and tries
again, and the inbox makes that harmless. An event that may have ended a process before is applied
alone (attempts.py). Next: inbox.py, then the projection.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import structlog

from cqrs_demo.contract.codec import DecodeError, decode
from cqrs_demo.contract.events import Event, KnownEvent, Unknown
from cqrs_demo.database import Connection, Pool
from cqrs_demo.inbox.attempts import MOST, attempts, clear, noted
from cqrs_demo.inbox.blame import Blame, Streak, blame
from cqrs_demo.inbox.dead_letters import DeadLetter, dead_letter, set_aside
from cqrs_demo.inbox.inbox import claim
from cqrs_demo.messaging.broker import Delivery
from cqrs_demo.pace import Pace

log = structlog.get_logger()

GAVE_UP = f"gave up: handling it ended the process {MOST} times"


class Effect(Protocol):
    """What a service makes of events that it has not applied before. Both calls are part of the
    caller's transaction."""

    async def lock(self, connection: Connection, events: Sequence[KnownEvent]) -> None:
        """Take every lock that apply() needs, so that apply() waits for nobody."""
        ...

    async def apply(self, connection: Connection, events: Sequence[KnownEvent]) -> None: ...


@dataclass(frozen=True, slots=True)
class Received:
    """A message and the event in it."""

    delivery: Delivery
    event: Event


class Handler:
    """`counts` tells what became of the messages; `applied` is called after each commit."""

    def __init__(
        self, pool: Pool, projection: Effect, pace: Pace, applied: Callable[[], None]
    ) -> None:
        self._pool, self._projection, self._pace = pool, projection, pace
        self._applied = applied
        self._streak = Streak()
        self.counts = Counter(projected=0, duplicate=0, unknown=0, dead=0)

    async def handle(self, deliveries: Sequence[Delivery]) -> None:
        """Returns when every message is applied or set aside. Raises whatever is not the fault of a
        message."""
        received, letters = decoded(deliveries)
        self._pace.seen([one.event.id for one in received])
        async with self._pool.connection() as connection:
            tried = await attempts(connection)
        letters += await self._try([one for one in received if one.event.id not in tried])
        suspects = [one for one in received if one.event.id in tried]
        # The least suspect first: what ends the process each time lets all the others pass before
        # it is tried again.
        for suspect in sorted(suspects, key=lambda one: tried[one.event.id]):
            if tried[suspect.event.id] < MOST:
                letters += await self._try([suspect])
            else:
                letters.append(DeadLetter(suspect.delivery, GAVE_UP, "No stack: the process died."))
        await self._settle(letters, [suspect.event.id for suspect in suspects])

    async def _try(self, group: Sequence[Received]) -> list[DeadLetter]:
        """Apply the group, all but those that are to blame for its failure. Returns those, as dead
        letters."""
        if not group:
            return []
        try:
            await self._apply(group)
        except Exception as error:
            if blame(error) is not Blame.MESSAGE:
                raise
            if len(group) > 1:
                middle = len(group) // 2
                return await self._try(group[:middle]) + await self._try(group[middle:])
            letter = dead_letter(group[0].delivery, error)
            self._streak.failed(letter.reason)
            return [letter]
        self._streak.broken()
        return []

    async def _apply(self, group: Sequence[Received]) -> None:
        """The transaction: for each event its inbox row and what the projection makes of it, all
        together or nothing."""
        events = [one.event for one in group if not isinstance(one.event, Unknown)]
        async with (
            self._pool.connection() as notes,
            self._pool.connection() as connection,
            connection.transaction(),
        ):
            fresh = await claim(connection, events)
            if fresh:
                await self._projection.lock(connection, fresh)
                async with noted(notes, connection, [event.id for event in fresh]):
                    await self._projection.apply(connection, fresh)
        self._applied()
        self.counts.update(
            projected=len(fresh),
            duplicate=len(events) - len(fresh),
            unknown=len(group) - len(events),
        )
        if fresh:
            self._pace.projected([event.id for event in fresh])
            log.info("projected", events=[str(event.id) for event in fresh])

    async def _settle(self, letters: Sequence[DeadLetter], suspects: Sequence[UUID]) -> None:
        """Set the letters aside; the suspects are no more, now that each is applied or set
        aside."""
        if not letters and not suspects:
            return
        async with self._pool.connection() as connection, connection.transaction():
            for letter in letters:
                await set_aside(connection, letter)
            await clear(connection, suspects)
        self.counts.update(dead=len(letters))
        for letter in letters:
            log.warning("dead letter", topic=letter.delivery.topic, reason=letter.reason)


async def apply_once(
    connection: Connection, projection: Effect, events: Sequence[KnownEvent]
) -> list[KnownEvent]:
    """Apply those that were not applied before, in the caller's transaction. Returns them. (For
    whoever holds no message.)"""
    fresh = await claim(connection, events)
    if fresh:
        await projection.lock(connection, fresh)
        await projection.apply(connection, fresh)
    return fresh


def decoded(deliveries: Sequence[Delivery]) -> tuple[list[Received], list[DeadLetter]]:
    """The messages with their events, and those in which there is none."""
    received: list[Received] = []
    letters: list[DeadLetter] = []
    for delivery in deliveries:
        if delivery.given_up is not None:
            letters.append(
                DeadLetter(delivery, delivery.given_up, "No stack: the broker has set it aside.")
            )
            continue
        try:
            event = decode(delivery.body, delivery.content_type, delivery.headers)
            received.append(Received(delivery, event))
        except DecodeError as error:
            letters.append(dead_letter(delivery, error))
    return received, letters
