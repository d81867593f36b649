"""The broker's port (messaging/broker.py) without async, for notebooks: the same calls, and nothing
beside them.

A notebook's kernel has an event loop of its own in the main thread, so the calls run in a loop in a
thread.
"""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from cqrs_demo.messaging.broker import (
    INVOICE_SERVICE,
    SUBSCRIBERS,
    Delivery,
    Message,
    Subscriber,
)
from cqrs_demo.messaging.connect import broker_for

Result = TypeVar("Result")


class SyncBroker:
    """See messaging.broker.Broker for what each call promises and raises."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.SelectorEventLoop()  # on Windows psycopg takes no other
        self._thread = threading.Thread(target=self._loop.run_forever, name="broker", daemon=True)
        self._thread.start()
        self._broker = broker_for(url)

    def _wait_for(self, call: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()

    def declare(self, *subscribers: Subscriber) -> None:
        """All that the shop has, when none is named."""
        self._wait_for(self._broker.declare(*(subscribers or SUBSCRIBERS)))

    def publish(self, *messages: Message) -> None:
        self._wait_for(self._broker.publish(messages))

    def take(self, subscriber: Subscriber, most: int, wait: float) -> Sequence[Delivery]:
        """Receive and acknowledge up to `most` of the subscriber's events."""
        return self._wait_for(self._take(subscriber, most, wait))

    async def _take(self, subscriber: Subscriber, most: int, wait: float) -> Sequence[Delivery]:
        subscription = await self._broker.subscribe(subscriber, most)
        try:
            deliveries = await subscription.receive(most, wait)
            await subscription.acknowledge(deliveries)
            return deliveries
        finally:
            await subscription.close()

    def depths(self, subscriber: Subscriber = INVOICE_SERVICE) -> dict[str, int]:
        return self._wait_for(self._broker.depths(subscriber))

    def close(self) -> None:
        if self._thread.is_alive():
            self._wait_for(self._broker.close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
