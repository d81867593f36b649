"""The consumer: takes batches from the broker, has each handled, then acknowledges.

A crash after the handler's commit and before the acknowledgement brings the messages again, and the
inbox counts them once. While the database is away, or something else is wrong that is no message's
fault, the consumer keeps its batch and tries again: giving it back would only bring it round
sooner. Next: handler.py.
"""

import asyncio
from collections.abc import Sequence

from cqrs_demo.backoff import Backoff
from cqrs_demo.database import Pool
from cqrs_demo.inbox.blame import Blame, blame
from cqrs_demo.inbox.handler import Handler
from cqrs_demo.messaging.broker import QUEUES, Broker, Delivery, Subscription
from cqrs_demo.tooling.workshop.gate import Gate

BATCH = 500
WAIT = 0.2  # seconds for a first message before the gate is looked at again


class Consumer:
    """Run `run()` as a task. `backoff.trouble` says what holds it up, or None."""

    def __init__(self, pool: Pool, broker: Broker, handler: Handler) -> None:
        self._pool, self._broker, self.handler = pool, broker, handler
        self._stop = asyncio.Event()
        self.backoff = Backoff("consumer", self._stop)
        self.gate = Gate()

    async def stop(self) -> None:
        """Finish the batch in hand, then let run() return."""
        self._stop.set()
        await self.gate.resume()

    async def run(self) -> None:
        """Consume until stop() is called. Survives broker and database; tries again with growing
        pauses."""
        while not self._stop.is_set():
            try:
                await self._database_answers()  # or messages would be taken that cannot be applied
                await self._broker.declare()
                if self.gate.mode == "running":
                    await self._flow()
                elif self.gate.admits(1):
                    await self._step()
                else:
                    await self.gate.rest()
            # whatever it is: a consumer that has ended looks like one with nothing to do
            except Exception as error:
                await self.backoff.wait_out(error)

    async def _database_answers(self) -> None:
        async with self._pool.connection() as connection:
            await connection.execute("select from demo.processed_events limit 1")

    async def wait_for_news(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))

    async def _flow(self) -> None:
        """Batch after batch, until the gate closes or the service stops."""
        subscription = await self._broker.subscribe(QUEUES, prefetch=BATCH)
        try:
            while self.gate.mode == "running" and not self._stop.is_set():
                await self._handle(subscription, await subscription.receive(BATCH, WAIT))
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
