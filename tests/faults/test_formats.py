"""Producers change the format of their events while orders come in; and what others take from a
queue."""

import asyncio
import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import aiormq
import psycopg
import pytest
from cloudevents.core.bindings.rabbitmq import RabbitMQMessage, from_rabbitmq
from cloudevents.core.formats.json import JSONFormat

from cqrs_demo.contract.codec import decode
from cqrs_demo.messaging.broker import Subscriber
from cqrs_demo.messaging.connect import broker_for
from cqrs_demo.messaging.queues import queue_name
from tests.faults.queues import Inside
from tests.faults.shop import FaultyShop

AUDIT = Subscriber("audit-service", ("order", "payment"))
PRODUCERS = ("order-service", "payment-service")


@pytest.fixture
def audited(shop: FaultyShop) -> Iterator[FaultyShop]:
    """A shop with one subscriber more: somebody else's queues, that keep what is published."""

    async def declare() -> None:
        broker = broker_for(shop.broker_url)
        await broker.declare(AUDIT)
        await broker.close()

    asyncio.run(declare())
    yield shop
    for topic in AUDIT.topics:
        Inside(shop).delete_queue(queue_name(AUDIT, topic))


def test_producers_change_their_format_under_load_and_nothing_is_lost_or_doubled(
    audited: FaultyShop,
) -> None:
    # Given services that write JSON, with orders coming in, some of which need credit
    shop = audited
    with shop.load(large=0.2):
        shop.after_orders(20)
        # When each producer is replaced by one that writes Avro, and that by one of JSON again
        for format in ("avro", "json"):
            for name in PRODUCERS:
                replace(shop, name, format)
            shop.after_orders(40)
    taken = [message for topic in AUDIT.topics for message in take(shop, queue_name(AUDIT, topic))]
    # Then every order counts once, whichever way its events came
    shop.assert_nothing_lost_nothing_doubled()

    # And a foreign client has found events of both formats in its queue, which the public
    # CloudEvents library reads
    kinds = {message.content_type for message in taken}
    assert kinds == {"application/cloudevents+json", "avro/binary"}
    for message in taken:
        theirs = from_rabbitmq(message, JSONFormat())
        ours = decode(message.body, message.content_type or "", message.headers)
        assert (theirs.get_id(), theirs.get_type()) == (str(ours.id), ours.type)
        assert (theirs.get_time(), theirs.get_subject()) == (ours.time, ours.subject)
        assert theirs.get_dataschema() == ours.dataschema
        assert theirs.get_extension("correlationid") == str(ours.correlationid)
        assert theirs.get_extension("partitionkey") == ours.partitionkey


def replace(shop: FaultyShop, name: str, format: str) -> None:
    """A copy that writes this format takes the place of the one that runs, which ends."""
    [old] = shop.services[name]
    new = shop.copy_of(name)
    new.environment["CQRS_EVENT_FORMAT"] = format
    shop.services[name] = [old, new.start()]
    assert old.terminate(10) == 0
    shop.services[name] = [new]


def take(shop: FaultyShop, queue: str) -> list[RabbitMQMessage]:
    """All messages of a queue, which gets no more: taken with the broker's own client and without
    our adapters."""
    Inside(shop).unbind(queue)
    if shop.broker_url.startswith("amqp"):
        return asyncio.run(take_amqp(shop.broker_url, queue))
    with psycopg.connect(shop.broker_url) as connection:
        rows = connection.execute("select message, headers from pgmq.read(%s, 30, 20000)", [queue])
        taken = [from_row(message, headers) for message, headers in rows]
        connection.execute("select pgmq.purge_queue(%s)", [queue])
        return taken


async def take_amqp(url: str, queue: str) -> list[RabbitMQMessage]:
    taken = []
    async with aiormq.connect(url) as connection:
        channel = await connection.channel()
        while (message := await channel.basic_get(queue, no_ack=True)).delivery_tag is not None:
            properties = message.header.properties
            headers: Any = properties.headers
            taken.append(RabbitMQMessage(headers, properties.content_type, message.body))
    return taken


def from_row(message: Any, headers: dict[str, Any]) -> RabbitMQMessage:
    """PGMQ has no binding of its own: bytes are in base64, and the type is beside them."""
    binary = headers.get("encoding") == "base64"
    body = b64decode(message["base64"]) if binary else json.dumps(message).encode()
    content_type = headers.get("content_type", "application/cloudevents+json")
    return RabbitMQMessage(headers.get("headers", {}), content_type, body)
