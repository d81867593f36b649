"""What RabbitMQ needs for a subscriber: the exchange, a queue per topic, and a last net.

The last net is where RabbitMQ itself puts what it gives up on. It is read like the other queues,
so that nothing lies there unseen. Next: rabbitmq.py.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import ChannelPreconditionFailed

from cqrs_demo.messaging.broker import INVOICE_SERVICE, Subscriber
from cqrs_demo.messaging.queues import EXCHANGE, queue_name
from cqrs_demo.messaging.rabbitmq_calls import wire_of

OpenChannel = Callable[[], AbstractAsyncContextManager[AbstractChannel]]
"""A channel for one thing: RabbitMQ answers a mistake by closing it."""


def dead_queue(subscriber: Subscriber) -> str:
    return "dead" if subscriber.name == INVOICE_SERVICE.name else f"{subscriber.name}.dead"


def dead_exchange(subscriber: Subscriber) -> str:
    return f"cqrs.{dead_queue(subscriber)}"


def queue_arguments(subscriber: Subscriber, *, major_version: int) -> dict[str, Any]:
    """No delivery limit: a message that is delivered again and again is not to blame for that, as
    its consumer may be killed for other reasons. inbox/attempts.py finds a message that kills it.
    3.x has no limit by itself; 4.x has 20, and -1 takes it away (3.x would take that for none at
    all)."""
    return {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": dead_exchange(subscriber),
        # RabbitMQ itself may not lose one on the way to the last net.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",  # which at-least-once asks for
    } | ({} if major_version < 4 else {"x-delivery-limit": -1})


def with_old_limit(arguments: dict[str, Any]) -> dict[str, Any]:
    """A queue as an earlier version made it. It stays as it is; what reaches the limit is not
    lost."""
    return arguments | {"x-delivery-limit": 20}


async def declare(open_channel: OpenChannel, subscriber: Subscriber) -> None:
    async with open_channel() as channel:
        await channel.declare_exchange(EXCHANGE, "topic", durable=True)
        dead = await channel.declare_exchange(dead_exchange(subscriber), "fanout", durable=True)
        # Classic, because a quorum queue would count deliveries here too, and 4.x would drop what
        # is looked at too often.
        classic: dict[str, Any] = {"x-queue-type": "classic"}
        name = dead_queue(subscriber)
        await (await channel.declare_queue(name, durable=True, arguments=classic)).bind(dead)
        arguments = queue_arguments(subscriber, major_version=await _major_version(channel))
    for topic in subscriber.topics:
        await _declare_queue(open_channel, queue_name(subscriber, topic), topic, arguments)


async def _declare_queue(
    open_channel: OpenChannel, name: str, topic: str, arguments: dict[str, Any]
) -> None:
    async with open_channel() as channel:
        with suppress(ChannelPreconditionFailed):
            queue = await channel.declare_queue(name, durable=True, arguments=arguments)
            await queue.bind(EXCHANGE, f"{topic}.*")
            return
    old = with_old_limit(arguments)
    async with open_channel() as channel:
        queue = await channel.declare_queue(name, durable=True, arguments=old)
        await queue.bind(EXCHANGE, f"{topic}.*")


async def _major_version(channel: AbstractChannel) -> int:
    """Of the server: 3 for 3.10.8."""
    version = (await wire_of(channel)).connection.server_properties["version"]
    assert isinstance(version, str)
    return int(version.partition(".")[0])


def reason_of_death(headers: Mapping[str, object]) -> str:
    """Why RabbitMQ put a message into the last net, as its headers say it."""
    return str(headers.get("x-first-death-reason", "it was put into the queue of the dead"))
