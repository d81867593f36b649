"""RabbitMQ behind the port: a topic exchange, a durable quorum queue per topic and
subscriber, publisher confirms. 3.10 and newer.

Connection and topology are aio-pika's; publishing and consuming go one layer down, to its own
protocol library aiormq, which costs less per message and acknowledges in bulk. Reconnecting is lazy
and in plain sight here: the next call that needs a connection makes one. aio-pika's "robust"
connection would do it behind our back. Sibling: pgmq.py.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import (
    CONNECTION_EXCEPTIONS,
    ChannelNotFoundEntity,
    DeliveryError,
    PublishError,
)
from aiormq import spec
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel as Wire

from cqrs_demo.contract.codec import CONTENT_TYPE
from cqrs_demo.messaging import rabbitmq_topology as topology
from cqrs_demo.messaging.broker import (
    BrokerError,
    BrokerUnavailable,
    Delivery,
    Message,
    PublishFailed,
    Subscriber,
)
from cqrs_demo.messaging.queues import EXCHANGE, queue_name
from cqrs_demo.messaging.rabbitmq_calls import (
    ANSWER,
    SilentConnection,
    bounded,
    quietly,
    said,
    wire_of,
)

_CONNECT = 5.0  # seconds
_HEARTBEAT = 5  # seconds; a broker that froze is noticed after three of them
_WINDOW = 1000  # confirms in flight

_KEY = "partitionkey"  # the header that carries a message's key


class RabbitBroker:
    """The port on RabbitMQ. `url` is amqp://user:password@host:port/vhost.

    One connection; a channel for publishing, one for each subscription, and a passing one for
    everything else, because RabbitMQ answers a mistake by closing the channel.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: AbstractConnection | None = None
        self._publisher: AbstractChannel | None = None
        self._turn = asyncio.Lock()

    async def declare(self, *subscribers: Subscriber) -> None:
        for subscriber in subscribers:
            await topology.declare(self._passing_channel, subscriber)

    async def publish(self, messages: Sequence[Message]) -> None:
        wire = await self._publishing_channel()
        confirmed: set[str] = set()
        for window in _windows(messages):
            failures = await self._publish_window(wire, window)
            confirmed |= {message.id for message in window} - failures.keys()
            if failures:
                raise _publish_error(failures, frozenset(confirmed))

    async def _publish_window(
        self, wire: Wire, window: Sequence[Message]
    ) -> dict[str, BaseException]:
        """Send all, then wait for all confirms. Returns what went wrong, by message id."""
        # They start, and so send, in this order.
        attempts = [asyncio.ensure_future(_publish(wire, message)) for message in window]
        try:
            async with asyncio.timeout(ANSWER):
                await asyncio.gather(*attempts, return_exceptions=True)
        except TimeoutError:  # gather has cancelled what was left
            # The next call is to start clean: late confirms would be nobody's.
            await self._drop_connection()
        outcomes = zip(window, map(_failure, attempts), strict=True)
        return {message.id: failure for message, failure in outcomes if failure is not None}

    async def _publishing_channel(self) -> Wire:
        async with self._turn, self._bounded():
            connection = await self._connected()
            if self._publisher is None or self._publisher.is_closed:
                self._publisher = await connection.channel(
                    publisher_confirms=True, on_return_raises=True
                )
            return await wire_of(self._publisher)

    async def subscribe(self, subscriber: Subscriber, limit: int) -> "RabbitSubscription":
        async with self._bounded():
            async with self._turn:
                connection = await self._connected()
            channel = await connection.channel(publisher_confirms=False)
            subscription = RabbitSubscription(channel, await wire_of(channel), subscriber)
            await subscription.open(limit)
            return subscription

    async def depths(self, subscriber: Subscriber) -> dict[str, int]:
        async with self._passing_channel() as channel:
            wire = await wire_of(channel)
            ready = {
                topic: await _ready(wire, queue_name(subscriber, topic))
                for topic in subscriber.topics
            }
            dead = topology.dead_queue(subscriber)
            given_up = await _ready(wire, dead)
        return ready | ({dead: given_up} if given_up else {})

    async def ping(self) -> None:
        async with self._passing_channel():
            pass  # RabbitMQ has confirmed that the channel is open

    async def close(self) -> None:
        async with self._turn:
            await self._drop_connection()

    async def _connected(self) -> AbstractConnection:
        """The connection; a new one when there is none or it is lost. To be called by one at a
        time."""
        if self._connection is None or not self._connection.connected.is_set():
            await self._drop_connection()
            self._connection = await aio_pika.connect(
                self._url, timeout=_CONNECT, heartbeat=_HEARTBEAT
            )
        return self._connection

    async def _drop_connection(self) -> None:
        connection, self._connection, self._publisher = self._connection, None, None
        if connection is not None:
            await quietly(connection.close())

    @asynccontextmanager
    async def _passing_channel(self) -> AsyncIterator[AbstractChannel]:
        async with self._bounded():
            async with self._turn:
                connection = await self._connected()
            channel = await connection.channel(publisher_confirms=False)
            yield channel
            await channel.close()

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        try:
            async with bounded():
                yield
        except SilentConnection:
            await self._drop_connection()
            raise


class RabbitSubscription:
    """See Subscription. One channel, whose end gives everything back that is not acknowledged."""

    def __init__(self, channel: AbstractChannel, wire: Wire, subscriber: Subscriber) -> None:
        self._channel = channel  # held: aio-pika itself keeps only weak references
        self._wire, self._subscriber = wire, subscriber
        self._arrived: deque[Delivery] = deque()
        self._stirred = asyncio.Event()  # something arrived, or the subscription is lost
        # The tags of what was received. What waits in `_arrived` has higher ones.
        self._in_hand: set[int] = set()
        self._lost: str | None = None

    async def open(self, limit: int) -> None:
        closed, deleted = "the connection or channel is closed", "a queue was deleted"
        self._wire.closing.add_done_callback(lambda _: self._lose(closed))
        self._wire.on_consumer_cancel_callbacks.add(lambda _: self._lose(deleted))
        await self._wire.basic_qos(prefetch_count=limit)
        for topic in self._subscriber.topics:
            await self._wire.basic_consume(queue_name(self._subscriber, topic), self._arrive)
        await self._wire.basic_consume(topology.dead_queue(self._subscriber), self._arrive_dead)

    async def _arrive(self, message: DeliveredMessage) -> None:
        self._arrived.append(_delivery(message))
        self._stirred.set()

    async def _arrive_dead(self, message: DeliveredMessage) -> None:
        why = topology.reason_of_death(message.header.properties.headers or {})
        self._arrived.append(_delivery(message, given_up=f"RabbitMQ gave up on it: {why}"))
        self._stirred.set()

    def _lose(self, why: str) -> None:
        self._lost = why
        self._stirred.set()

    async def receive(self, most: int, wait: float) -> Sequence[Delivery]:
        if not self._arrived and self._lost is None:
            self._stirred.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._stirred.wait()
        return self._take(most)

    def _take(self, most: int) -> list[Delivery]:
        if self._lost is not None:  # what waits here could not be acknowledged any more
            raise BrokerUnavailable(f"RabbitMQ: {self._lost}")
        deliveries = [self._arrived.popleft() for _ in range(min(most, len(self._arrived)))]
        self._in_hand.update(delivery.tag for delivery in deliveries)
        return deliveries

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        tags = self._in_hand.intersection(delivery.tag for delivery in deliveries)
        others = self._in_hand - tags
        below = min(others, default=math.inf)
        # "All up to here" must not touch one that is still being worked on.
        together = [tag for tag in tags if tag < below]
        async with bounded():
            if together:
                await self._wire.basic_ack(max(together), multiple=True)
            for tag in sorted(tags.difference(together)):
                await self._wire.basic_ack(tag)
        self._in_hand = others

    async def close(self) -> None:
        await quietly(self._channel.close())


def _windows(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """What may be in flight together. No id twice: aiormq knows a returned message by its id
    alone."""
    window: dict[str, Message] = {}
    for message in messages:
        if len(window) == _WINDOW or message.id in window:
            yield list(window.values())
            window = {}
        window[message.id] = message
    if window:
        yield list(window.values())


async def _publish(wire: Wire, message: Message) -> None:
    key = {_KEY: message.key} if message.key else {}
    headers: dict[str, Any] = {**message.headers, **key}
    properties = spec.Basic.Properties(
        content_type=message.content_type,
        delivery_mode=2,
        message_id=message.id,
        headers=headers,
    )
    await wire.basic_publish(
        message.body,
        exchange=EXCHANGE,
        routing_key=message.type,
        properties=properties,
        mandatory=message.wanted,
        wait=False,
    )


def _failure(attempt: asyncio.Future[None]) -> BaseException | None:
    """Why this message is not confirmed, or None when it is."""
    if attempt.cancelled():
        return TimeoutError("no confirm came")
    failure = attempt.exception()
    if failure is not None and not isinstance(failure, CONNECTION_EXCEPTIONS):
        raise failure
    return failure


def _publish_error(failures: dict[str, BaseException], confirmed: frozenset[str]) -> BrokerError:
    reasons = failures.values()
    unroutable = any(isinstance(reason, PublishError | ChannelNotFoundEntity) for reason in reasons)
    refused = any(isinstance(reason, DeliveryError) for reason in reasons)
    if unroutable:
        why = "no exchange or no queue takes them: declare() makes both"
    elif refused:
        why = "refused, perhaps a queue is full"
    else:
        why = said(next(iter(reasons)))
        if not confirmed:
            return BrokerUnavailable(f"RabbitMQ: {why}")
    return PublishFailed(
        f"{len(failures)} message(s) not confirmed by RabbitMQ: {why}",
        confirmed,
        unroutable=unroutable,
    )


def _delivery(message: DeliveredMessage, given_up: str | None = None) -> Delivery:
    properties = message.header.properties
    headers = {
        name: text
        for name, text in (properties.headers or {}).items()
        if isinstance(text, str) and not name.startswith("x-")  # those are RabbitMQ's own
    }
    key = headers.pop(_KEY, "")
    return Delivery(
        (message.routing_key or "").partition(".")[0],
        message.body,
        message.delivery_tag or 0,
        key,
        properties.content_type or CONTENT_TYPE,
        headers,
        given_up,
    )


async def _ready(wire: Wire, queue: str) -> int:
    return (await wire.queue_declare(queue, passive=True)).message_count or 0
