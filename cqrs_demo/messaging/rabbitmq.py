"""RabbitMQ behind the port: a topic exchange, a durable quorum queue per entity, publisher
confirms. 3.10 and newer.

Connection and topology are aio-pika's; publishing and consuming go one layer down, to its own
protocol library aiormq, which costs less per message and acknowledges in bulk. Reconnecting is lazy
and in plain sight here: the next call that needs a connection makes one. aio-pika's "robust"
connection would do it behind our back. Sibling: pgmq.py.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import (
    CONNECTION_EXCEPTIONS,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    DeliveryError,
    PublishError,
)
from aiormq import spec
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel as Wire

from cqrs_demo.contract.events import CONTENT_TYPE
from cqrs_demo.messaging.broker import (
    EXCHANGE,
    QUEUES,
    BrokerError,
    BrokerUnavailable,
    Delivery,
    Message,
    PublishFailed,
)

DEAD = "cqrs.dead"
"""Exchange of what RabbitMQ itself gives up on. It goes to queue DEAD_QUEUE, and from there to
whoever subscribes, as given up."""

DEAD_QUEUE = "dead"

_CONNECT = 5.0  # seconds
_ANSWER = 10.0  # seconds; also for the confirms of one window
_CLOSE = 2.0
_HEARTBEAT = 5  # seconds; a broker that froze is noticed after three of them
_WINDOW = 1000  # confirms in flight
_POLL = 0.05  # seconds between looks into the queues when nothing may be held in advance

# No x-delivery-limit: messages that are delivered again and again are no proof against themselves,
# as the consumer may be killed for other reasons. inbox/attempts.py finds those that kill it. 3.x
# has no limit by itself; 4.x has 20, and -1 takes it away (which 3.x would take for "none at all").
_QUEUE: dict[str, Any] = {
    "x-queue-type": "quorum",
    "x-dead-letter-exchange": DEAD,
    # RabbitMQ itself may not lose one on the way to the last net
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",  # which at-least-once asks for
}


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

    async def declare(self) -> None:
        async with self._passing_channel() as channel:
            dead = await channel.declare_exchange(DEAD, "fanout", durable=True)
            # Classic, because a quorum queue would count deliveries here too, and 4.x would drop
            # what is looked at too often.
            last_net = await channel.declare_queue(
                DEAD_QUEUE, durable=True, arguments={"x-queue-type": "classic"}
            )
            await last_net.bind(dead)
            await channel.declare_exchange(EXCHANGE, "topic", durable=True)
        for name in QUEUES:
            await self._declare_queue(name)

    async def _declare_queue(self, name: str) -> None:
        """Make it, or find it. A queue with the limit of an earlier version stays as it is: what
        reaches the limit is not lost."""
        async with self._passing_channel() as channel:
            unlimited = {} if await _major_version(channel) < 4 else {"x-delivery-limit": -1}
            with suppress(ChannelPreconditionFailed):
                await channel.declare_queue(name, durable=True, arguments=_QUEUE | unlimited)
                return await self._bind(name)
        async with self._passing_channel() as channel:
            await channel.declare_queue(
                name, durable=True, arguments=_QUEUE | {"x-delivery-limit": 20}
            )
        return await self._bind(name)

    async def _bind(self, name: str) -> None:
        async with self._passing_channel() as channel:
            await (await _wire(channel)).queue_bind(name, EXCHANGE, f"{name}.*")

    async def publish(self, messages: Sequence[Message]) -> None:
        wire = await self._publishing_channel()
        confirmed: set[str] = set()
        for window in _windows(messages):
            failures = await self._publish_window(wire, window)
            confirmed |= {message.message_id for message in window} - failures.keys()
            if failures:
                raise _publish_error(failures, frozenset(confirmed))

    async def _publish_window(
        self, wire: Wire, window: Sequence[Message]
    ) -> dict[str, BaseException]:
        """Send all, then wait for all confirms. Returns what went wrong, by message id."""
        attempts = [
            asyncio.ensure_future(_publish(wire, message)) for message in window
        ]  # they start, and so send, in this order
        try:
            async with asyncio.timeout(_ANSWER):
                await asyncio.gather(*attempts, return_exceptions=True)
        except TimeoutError:  # gather has cancelled what was left
            await (
                self._drop_connection()
            )  # the next call is to start clean: late confirms would be nobody's
        outcomes = zip(window, map(_failure, attempts), strict=True)
        return {message.message_id: failure for message, failure in outcomes if failure is not None}

    async def _publishing_channel(self) -> Wire:
        async with self._turn, self._bounded():
            connection = await self._connected()
            if self._publisher is None or self._publisher.is_closed:
                self._publisher = await connection.channel(
                    publisher_confirms=True, on_return_raises=True
                )
            return await _wire(self._publisher)

    async def subscribe(self, queues: Sequence[str], prefetch: int) -> "RabbitSubscription":
        async with self._bounded():
            async with self._turn:
                connection = await self._connected()
            channel = await connection.channel(publisher_confirms=False)
            subscription = RabbitSubscription(channel, await _wire(channel), queues, prefetch)
            await subscription.open()
            return subscription

    async def depths(self) -> dict[str, int]:
        async with self._passing_channel() as channel:
            wire = await _wire(channel)
            answers = {
                name: await wire.queue_declare(name, passive=True) for name in (*QUEUES, DEAD_QUEUE)
            }
        ready = {name: answer.message_count or 0 for name, answer in answers.items()}
        return {name: count for name, count in ready.items() if count or name != DEAD_QUEUE}

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
            await _quietly(connection.close())

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
            async with _bounded():
                yield
        except _NoAnswer:
            await self._drop_connection()
            raise


class RabbitSubscription:
    """See Subscription. One channel, whose end gives everything back that is not acknowledged."""

    def __init__(
        self, channel: AbstractChannel, wire: Wire, queues: Sequence[str], prefetch: int
    ) -> None:
        self._channel = channel  # held: aio-pika itself keeps only weak references
        self._wire = wire
        self._queues = list(queues)
        self._prefetch = prefetch
        self._consumers: list[str] = []
        self._arrived: deque[Delivery] = deque()
        self._stirred = asyncio.Event()  # something arrived, or the subscription is lost
        self._unsettled: set[int] = (
            set()
        )  # tags of what was received; what waits in `_arrived` has higher ones
        self._lost: str | None = None

    async def open(self) -> None:
        self._wire.closing.add_done_callback(
            lambda _: self._lose("the connection or channel is closed")
        )
        self._wire.on_consumer_cancel_callbacks.add(lambda _: self._lose("a queue was deleted"))
        if self._prefetch > 0:
            await self._wire.basic_qos(prefetch_count=self._prefetch)
            for queue in (*self._queues, DEAD_QUEUE):
                await self._consume(queue)
        else:
            for queue in self._queues:
                await self._wire.queue_declare(queue, passive=True)

    async def _consume(self, queue: str) -> None:
        async def arrive(message: DeliveredMessage) -> None:
            self._arrived.append(_delivery(queue, message))
            self._stirred.set()

        answer = await self._wire.basic_consume(queue, arrive)
        self._consumers.append(str(answer.consumer_tag))

    def _lose(self, why: str) -> None:
        self._lost = why
        self._stirred.set()

    async def receive(self, most: int, wait: float) -> Sequence[Delivery]:
        if self._prefetch == 0:
            await self._fetch(most, wait)
        elif not self._arrived and self._lost is None:
            self._stirred.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._stirred.wait()
        return self._take(most)

    async def _fetch(self, most: int, wait: float) -> None:
        """Ask the queues in turn, a message each, until there are `most` or no more."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait
        while not await self._fetch_what_is_there(most) and (left := deadline - clock()) > 0:  # noqa: ASYNC110  # RabbitMQ tells nobody
            await asyncio.sleep(min(left, _POLL))

    async def _fetch_what_is_there(self, most: int) -> bool:
        empty = 0
        while len(self._arrived) < most and empty < len(self._queues):
            queue = self._queues[0]
            self._queues.append(self._queues.pop(0))
            async with _bounded():
                message = await self._wire.basic_get(queue)
            if message.delivery_tag is None:
                empty += 1
            else:
                empty = 0
                self._arrived.append(_delivery(queue, message))
        return bool(self._arrived)

    def _take(self, most: int) -> list[Delivery]:
        if self._lost is not None:  # what waits here could not be acknowledged any more
            raise BrokerUnavailable(f"RabbitMQ: {self._lost}")
        deliveries = [self._arrived.popleft() for _ in range(min(most, len(self._arrived)))]
        self._unsettled.update(delivery.tag for delivery in deliveries)
        return deliveries

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        tags = self._unsettled.intersection(delivery.tag for delivery in deliveries)
        others = self._unsettled - tags
        below = min(others, default=math.inf)
        together = [
            tag for tag in tags if tag < below
        ]  # "all up to here" must not touch one that is still being worked on
        async with _bounded():
            if together:
                await self._wire.basic_ack(max(together), multiple=True)
            for tag in sorted(tags.difference(together)):
                await self._wire.basic_ack(tag)
        self._unsettled = others

    async def requeue(self, deliveries: Sequence[Delivery]) -> None:
        async with _bounded():
            for tag in sorted(
                self._unsettled.intersection(delivery.tag for delivery in deliveries)
            ):
                await self._wire.basic_reject(
                    tag, requeue=True
                )  # a nack would not count as a delivery from 4.3 on
                self._unsettled.discard(tag)

    async def drain(self) -> Sequence[Delivery]:
        async with _bounded():
            while self._consumers:
                await self._wire.basic_cancel(self._consumers.pop())
        return self._take(len(self._arrived))

    async def close(self) -> None:
        await _quietly(self._channel.close())


class _NoAnswer(BrokerUnavailable):
    """The connection may stand, but nobody speaks on it."""


@asynccontextmanager
async def _bounded(seconds: float = _ANSWER) -> AsyncIterator[None]:
    """What fails in here, or takes too long, comes out as BrokerUnavailable."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise _NoAnswer("RabbitMQ does not answer") from error
    except CONNECTION_EXCEPTIONS as error:
        raise BrokerUnavailable(f"RabbitMQ: {_said(error)}") from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # Nobody cancelled us: aiormq cancels whoever waits on a connection it gives up.
        raise BrokerUnavailable("RabbitMQ: the connection is lost") from error


async def _quietly(closing: Awaitable[object]) -> None:
    """Closing what is broken already may fail or hang, and does not matter."""
    with suppress(BrokerUnavailable):
        async with _bounded(_CLOSE):
            await closing


def _windows(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """What may be in flight together. No id twice: aiormq knows a returned message by its id alone."""
    window: dict[str, Message] = {}
    for message in messages:
        if len(window) == _WINDOW or message.message_id in window:
            yield list(window.values())
            window = {}
        window[message.message_id] = message
    if window:
        yield list(window.values())


async def _wire(channel: AbstractChannel) -> Wire:
    wire = await channel.get_underlay_channel()
    assert isinstance(wire, Wire)
    return wire


async def _major_version(channel: AbstractChannel) -> int:
    """Of the server: 3 for 3.10.8."""
    version = (await _wire(channel)).connection.server_properties["version"]
    assert isinstance(version, str)
    return int(version.partition(".")[0])


async def _publish(wire: Wire, message: Message) -> None:
    properties = spec.Basic.Properties(
        content_type=CONTENT_TYPE, delivery_mode=2, message_id=message.message_id
    )
    await wire.basic_publish(
        message.body,
        exchange=EXCHANGE,
        routing_key=message.routing_key,
        properties=properties,
        mandatory=True,
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
    homeless = any(isinstance(reason, PublishError | ChannelNotFoundEntity) for reason in reasons)
    refused = any(isinstance(reason, DeliveryError) for reason in reasons)
    if homeless:
        why = "no exchange or no queue takes them: declare() makes both"
    elif refused:
        why = "refused, perhaps a queue is full"
    else:
        why = _said(next(iter(reasons)))
        if not confirmed:
            return BrokerUnavailable(f"RabbitMQ: {why}")
    return PublishFailed(
        f"{len(failures)} message(s) not confirmed by RabbitMQ: {why}",
        confirmed,
        unroutable=homeless,
    )


def _said(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _delivery(queue: str, message: DeliveredMessage) -> Delivery:
    headers = message.header.properties.headers or {}
    counted = headers.get("x-delivery-count")
    earlier = counted if isinstance(counted, int) else 0
    given_up = None
    if queue == DEAD_QUEUE:
        queue = str(headers.get("x-first-death-queue", queue))
        reason = str(headers.get("x-first-death-reason", "it was put into queue dead"))
        given_up = f"RabbitMQ gave up on it: {reason}"
    return Delivery(
        queue,
        message.body,
        max(earlier, int(bool(message.redelivered))),
        message.delivery_tag or 0,
        given_up,
    )
