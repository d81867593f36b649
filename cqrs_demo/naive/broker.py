"""The queue between the two services: RabbitMQ through aio-pika, or PGMQ through psycopg, as each
one's documentation has it. Messages are durable and sends are confirmed. No hazard lives here.

Next: invoices.py. Sibling: messaging/broker.py.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import aio_pika
import psycopg
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

NAME = "naive_invoices"

log = logging.getLogger("naive.broker")


@dataclass
class Message:
    event: dict[str, Any]
    acknowledge: Callable[[], Awaitable[None]]


class Queue(Protocol):
    async def send(self, event: dict[str, Any]) -> None: ...
    def messages(self) -> AsyncIterator[Message]: ...
    async def close(self) -> None: ...


async def queue_at(url: str) -> Queue:
    """The queue, made if it is not there."""
    if url.startswith("amqp"):
        rabbit = await aio_pika.connect_robust(url, reconnect_interval=1)
        channel = await rabbit.channel()
        await channel.set_qos(prefetch_count=10)
        return RabbitQueue(rabbit, channel, await channel.declare_queue(NAME, durable=True))
    pool = AsyncConnectionPool(url, kwargs={"autocommit": True}, open=False)
    await pool.open()
    async with pool.connection() as connection:
        await connection.execute("select pgmq.create(%s)", [NAME])
    return PgmqQueue(pool)


@dataclass
class RabbitQueue:
    connection: aio_pika.abc.AbstractConnection
    channel: aio_pika.abc.AbstractChannel
    queue: aio_pika.abc.AbstractQueue

    async def send(self, event: dict[str, Any]) -> None:
        message = aio_pika.Message(
            json.dumps(event).encode(), delivery_mode=aio_pika.DeliveryMode.PERSISTENT
        )
        await self.channel.default_exchange.publish(message, routing_key=NAME)

    async def messages(self) -> AsyncIterator[Message]:
        async with self.queue.iterator() as messages:
            async for message in messages:
                yield Message(json.loads(message.body), message.ack)

    async def close(self) -> None:
        await self.connection.close()


@dataclass
class PgmqQueue:
    pool: AsyncConnectionPool

    async def send(self, event: dict[str, Any]) -> None:
        async with self.pool.connection() as connection:
            await connection.execute("select pgmq.send(%s, %s)", [NAME, Jsonb(event)])

    async def messages(self) -> AsyncIterator[Message]:
        while True:
            try:
                found = await self._read()
                for id, event in found:
                    yield Message(event, partial(self._delete, id))
                if not found:
                    await asyncio.sleep(0.1)
            except psycopg.OperationalError:
                log.exception("could not read from %s", NAME)
                await asyncio.sleep(1)

    async def _read(self) -> list[tuple[int, dict[str, Any]]]:
        """Up to ten, hidden from other consumers for 30 s."""
        async with self.pool.connection() as connection:
            cursor = await connection.execute(
                "select msg_id, message from pgmq.read(%s, vt => 30, qty => 10)", [NAME]
            )
            return await cursor.fetchall()

    async def _delete(self, id: int) -> None:
        async with self.pool.connection() as connection:
            await connection.execute("select pgmq.delete(%s, %s)", [NAME, id])

    async def close(self) -> None:
        await self.pool.close()
