"""Looking into a queue without taking anything out of it."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from cqrs_demo.messaging.connect import broker_for
from tests.faults.shop import FaultyShop


def control(shop: FaultyShop, mode: str) -> None:
    httpx.put(f"{shop['invoice-service'].url}/consumer", json={"mode": mode}, timeout=10).raise_for_status()


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
        subscription = await broker.subscribe([queue], prefetch=20_000)
        found: list[dict[str, Any]] = []
        while more := await subscription.receive(20_000, wait=1):
            found += [json.loads(delivery.body) for delivery in more]
        await subscription.close()
        await broker.close()
        return found

    return asyncio.run(look())
