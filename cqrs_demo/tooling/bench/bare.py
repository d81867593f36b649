"""What relay and consumer are compared with: the bare client library that sends and takes the same
bytes and does nothing with them."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import aio_pika
import orjson
from psycopg import AsyncConnection

BATCH = 500
BODY = orjson.dumps(
    {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "/order-service",
        "type": "order.created",
        "subject": "1000000",
        "time": "2025-04-03T10:00:00.123456Z",
        "datacontenttype": "application/json",
        "sequence": "1000000",
        "data": {
            "id": 1000000,
            "amount": 1,
            "user_id": 1000,
            "description": "Widget, blue, with a handle",
            "purchase_dt": "2025-04-03T10:00:00Z",
        },
    }
)


@dataclass(frozen=True)
class Bare:
    """Messages per second."""

    sent: float
    taken: float


async def rabbitmq(url: str, number: int) -> Bare:
    """aio-pika as its documentation has it: persistent, confirmed, 500 in flight; taken with a
    prefetch of 500, acknowledged in bulk."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(
            f"bench.{uuid4().hex}", durable=True, arguments={"x-queue-type": "quorum"}
        )
        began = time.perf_counter()
        for batch in _batches(number):
            await asyncio.gather(*(_publish(channel, queue.name) for _ in batch))
        sent = number / (time.perf_counter() - began)
        try:
            return Bare(sent, await _take(channel, queue, number))
        finally:
            await queue.delete(if_unused=False, if_empty=False)  # quorum queues know no conditions


async def _publish(channel: aio_pika.abc.AbstractChannel, queue: str) -> None:
    message = aio_pika.Message(
        BODY, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, message_id=str(uuid4())
    )
    await channel.default_exchange.publish(message, queue, mandatory=True)


async def _take(
    channel: aio_pika.abc.AbstractChannel, queue: aio_pika.abc.AbstractQueue, number: int
) -> float:
    await channel.set_qos(prefetch_count=BATCH)
    taken, all_taken = 0, asyncio.Event()

    async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        nonlocal taken
        taken += 1
        if taken % (BATCH // 2) == 0 or taken == number:
            await message.ack(multiple=True)
        if taken == number:
            all_taken.set()

    began = time.perf_counter()
    tag = await queue.consume(take)
    await asyncio.wait_for(all_taken.wait(), 120)
    rate = number / (time.perf_counter() - began)
    await queue.cancel(tag)
    return rate


async def pgmq(url: str, number: int) -> Bare:
    """Its SQL functions over one connection, 500 messages a call."""
    queue = f"bench_{uuid4().hex[:8]}"
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("select pgmq.create(%s)", [queue])
        began = time.perf_counter()
        for batch in _batches(number):
            bodies = [BODY.decode()] * len(batch)
            await connection.execute(
                "select count(*) from pgmq.send_batch(%s, %b::text[]::jsonb[])",
                [queue, bodies],
                prepare=True,
            )
        sent = number / (time.perf_counter() - began)
        began = time.perf_counter()
        for _ in _batches(number):
            cursor = await connection.execute(
                "select msg_id, message::text from pgmq.read(%s, 30, %s)",
                [queue, BATCH],
                prepare=True,
            )
            ids = [row[0] for row in await cursor.fetchall()]
            await connection.execute(
                "select count(*) from pgmq.delete(%s, %s::bigint[])", [queue, ids], prepare=True
            )
        taken = number / (time.perf_counter() - began)
        await connection.execute("select pgmq.drop_queue(%s)", [queue])
    return Bare(sent, taken)


def _batches(number: int) -> Sequence[range]:
    return [range(start, min(start + BATCH, number)) for start in range(0, number, BATCH)]
