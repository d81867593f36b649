"""The consumer: takes batches from the broker, has each handled, then acknowledges.

A crash after the handler's commit and before the acknowledgement brings the messages again, and
the inbox counts them once. While the database is away, or something else is wrong that is no
message's fault, the consumer keeps its batch and tries again: giving it back would only bring it
round sooner. Next: handler.py.
"""

import asyncio
from collections.abc import Sequence

from cqrs_demo.backoff import Backoff
from cqrs_demo.database import Pool
from cqrs_demo.inbox.blame import Blame, blame
from cqrs_demo.inbox.handler import Handler
from cqrs_demo.messaging.broker import Broker, Delivery, Subscriber, Subscription
from cqrs_demo.pace import Pace

BATCH = 500
WAIT = 0.2  # seconds to wait for a first message


class Consumer:
    """Run `run()` as a task. `backoff.trouble` says what holds it up, or None."""

    def __init__(
        self, subscriber: Subscriber, pool: Pool, broker: Broker, handler: Handler, pace: Pace
    ) -> None:
        self.subscriber, self._pool, self._broker = subscriber, pool, broker
        self.handler, self._pace = handler, pace
        self._stop = asyncio.Event()
        self.backoff = Backoff("consumer", self._stop)

    def stop(self) -> None:
        """Finish the batch in hand, then let run() return."""
        self._stop.set()

    async def run(self) -> None:
        """Consume until stop() is called. Survives broker and database; tries again with growing
        pauses."""
        while not self._stop.is_set():
            try:
                async with self._pace.turn(BATCH) as most:
                    if most:
                        await self._consume(most)
            except Exception as error:  # whatever: one that has ended looks like an idle one
                await self.backoff.wait_out(error)

    async def _consume(self, limit: int) -> None:
        """Batch after batch, with at most `limit` messages of each topic in hand."""
        await self._broker.declare(self.subscriber)
        await self._database_answers()  # or messages would be taken that cannot be applied
        subscription = await self._broker.subscribe(self.subscriber, limit)
        try:
            while (most := self._pace.allows(limit)) and not self._stop.is_set():
                deliveries = await subscription.receive(most, WAIT)
                await self._handle(subscription, deliveries)
                self._pace.moved(len(deliveries))
        finally:
            await subscription.close()

    async def _database_answers(self) -> None:
        async with self._pool.connection() as connection:
            await connection.execute("select from demo.processed_events limit 1")

    async def _handle(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> None:
        """Have the batch handled, then acknowledge it. When told to stop while it cannot be
        handled, leave it unacknowledged."""
        while deliveries:
            try:
                await self.handler.handle(deliveries)
            except Exception as error:
                await self.backoff.wait_out(error, loud=blame(error) is Blame.SYSTEM)
                if self._stop.is_set():
                    return
            else:
                await subscription.acknowledge(deliveries)
                break
        self.backoff.over()
