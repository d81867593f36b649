"""What is in a queue, with nothing taken out of it; and the consumer paused meanwhile."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiormq
import httpx
import psycopg

from cqrs_demo.messaging.broker import INVOICE_SERVICE, Subscriber
from cqrs_demo.messaging.connect import broker_for
from cqrs_demo.messaging.queues import EXCHANGE
from tests.faults.shop import FaultyShop


def control(shop: FaultyShop, mode: str) -> None:
    httpx.put(
        f"{shop['invoice-service'].url}/consumer", json={"mode": mode}, timeout=10
    ).raise_for_status()


@contextmanager
def consumer_paused(shop: FaultyShop) -> Iterator[None]:
    """Messages stay in their queues for the time of the block."""
    control(shop, "paused")
    try:
        yield
    finally:
        control(shop, "running")


def queued(shop: FaultyShop, queue: str = "order") -> list[dict[str, Any]]:
    """The events in a queue nobody consumes, from the oldest on. They are all given back."""

    async def look() -> list[dict[str, Any]]:
        broker = broker_for(shop.broker_url)
        only = Subscriber(INVOICE_SERVICE.name, (queue,))
        subscription = await broker.subscribe(only, 20_000)
        found: list[dict[str, Any]] = []
        while more := await subscription.receive(20_000, wait=1):
            found += [json.loads(delivery.body) for delivery in more]
        await subscription.close()
        await broker.close()
        return found

    return asyncio.run(look())


class Inside:
    """What somebody may do to the broker by mistake."""

    def __init__(self, shop: FaultyShop) -> None:
        self._url = shop.broker_url

    def delete_queue(self, name: str) -> None:
        if self._url.startswith("amqp"):
            asyncio.run(self._amqp("queue_delete", name))
        else:
            self._sql("select pgmq.drop_queue(%s)", name)

    def unbind(self, name: str) -> None:
        topic = name.rpartition(".")[2]
        if self._url.startswith("amqp"):
            asyncio.run(self._amqp("queue_unbind", name, EXCHANGE, f"{topic}.*"))
        else:
            self._sql("select pgmq.unbind_topic(%s, %s)", f"{topic}.*", name)

    async def _amqp(self, method: str, *arguments: str) -> None:
        async with aiormq.connect(self._url) as connection:
            await getattr(await connection.channel(), method)(*arguments)

    def _sql(self, statement: str, *parameters: str) -> None:
        with psycopg.connect(self._url) as connection:
            connection.execute(statement, parameters)  # type: ignore[call-overload]
