"""What is RabbitMQ's own: what other clients see, and the last net."""

import asyncio
import time

import aiormq
import anyio
import pytest

from cqrs_demo.contract.codec import CONTENT_TYPE
from cqrs_demo.messaging.broker import INVOICE_SERVICE, Broker, BrokerUnavailable, PublishFailed
from cqrs_demo.messaging.connect import broker_for
from cqrs_demo.messaging.queues import EXCHANGE
from cqrs_demo.messaging.rabbitmq_topology import (
    dead_exchange,
    queue_arguments,
    with_old_limit,
)
from cqrs_demo.tooling.runtime.rabbitmq_node import RabbitNode
from tests.contract.test_broker import consume, messages, numbers, only, receive
from tests.fixtures.brokers import sweep

pytestmark = pytest.mark.anyio


@pytest.fixture
def broker_url(rabbit_node: RabbitNode) -> str:
    asyncio.run(sweep(rabbit_node.url()))
    return rabbit_node.url()


async def test_other_clients_see_a_persistent_cloudevent_with_its_id(
    broker: Broker, broker_url: str
) -> None:
    # Given a published event
    await broker.publish(messages("order.created", [1]))
    # When another client takes it
    async with aiormq.connect(broker_url) as connection:
        message = await (await connection.channel()).basic_get("order", no_ack=True)
    # Then its properties say what it is
    properties = message.header.properties
    assert (properties.content_type, properties.delivery_mode, properties.message_id) == (
        CONTENT_TYPE,
        2,
        "order.created-1",
    )
    assert message.body == b'{"number": 1}'


async def test_what_other_clients_publish_is_consumed_as_it_is(
    broker: Broker, broker_url: str
) -> None:
    # Given another client's message: no properties at all, and no JSON either
    async with aiormq.connect(broker_url) as connection:
        await (await connection.channel()).basic_publish(
            b"\x00\xff", exchange=EXCHANGE, routing_key="order.created"
        )
    # Then it is delivered byte for byte
    (delivery,) = await consume(broker, 1)
    assert (delivery.topic, delivery.body) == ("order", b"\x00\xff")


async def test_a_message_may_come_back_any_number_of_times(broker: Broker) -> None:
    # Given a consumer that is killed again and again, for reasons that have nothing to do with the
    # message
    await broker.publish(messages("order.created", [1]))
    for _ in range(25):
        subscription = await broker.subscribe(only("order"), 1)
        await receive(subscription, 1)
        await subscription.close()
    # Then the message is still there
    assert numbers(await consume(broker, 1)) == [1]


async def test_what_a_queue_of_an_earlier_version_gives_up_on_is_delivered_as_given_up(
    broker_url: str,
) -> None:
    # Given the queue as an earlier version made it
    async with aiormq.connect(broker_url) as connection:
        limited = with_old_limit(queue_arguments(INVOICE_SERVICE, major_version=3))
        await (await connection.channel()).queue_declare("order", durable=True, arguments=limited)
    broker = broker_for(broker_url)
    await broker.declare(INVOICE_SERVICE)
    # When a message in it was delivered more often than its limit allows
    await broker.publish(messages("order.created", [1]))
    subscription = await broker.subscribe(only("order"), 1)
    for _ in range(21):
        await receive(subscription, 1)
        await subscription.close()
        subscription = await broker.subscribe(only("order"), 1)
    # Then it is delivered once more, with what became of it
    (delivery,) = await receive(subscription, 1)
    assert (delivery.topic, delivery.body) == ("order", b'{"number": 1}')
    assert delivery.given_up == "RabbitMQ gave up on it: delivery_limit"
    # And is gone when it is acknowledged
    await subscription.acknowledge([delivery])
    await subscription.close()
    assert await broker.depths(INVOICE_SERVICE) == {"user": 0, "account": 0, "order": 0}
    await broker.close()


async def test_what_waits_in_the_queue_of_the_given_up_is_counted(
    broker: Broker, broker_url: str
) -> None:
    async with aiormq.connect(broker_url) as connection:
        await (await connection.channel()).basic_publish(
            b"{}", exchange=dead_exchange(INVOICE_SERVICE)
        )
    deadline = time.monotonic() + 10
    while (depths := await broker.depths(INVOICE_SERVICE)) != {
        "user": 0,
        "account": 0,
        "order": 0,
        "dead": 1,
    }:
        assert time.monotonic() < deadline, depths
        await anyio.sleep(0.05)


async def test_what_a_queue_refuses_is_not_confirmed(
    broker: Broker, rabbit_node: RabbitNode
) -> None:
    # Given an operator allowed queue `order` a single message, and it is full
    rabbit_node.control(
        "set_policy", "small", "^order$", '{"max-length": 1}', "--apply-to", "queues"
    )
    try:
        await broker.publish(messages("order.created", [1]))
        # When more is published than fits (RabbitMQ notices a little late, hence so many)
        batch = [*messages("order.created", range(100, 600)), *messages("user.created", [1])]
        with pytest.raises(PublishFailed, match="refused") as failure:
            await broker.publish(batch)
        # Then the error names what was taken all the same, and declare() would not mend it
        assert "user.created-1" in failure.value.confirmed
        assert len(failure.value.confirmed) < len(batch)
        assert not failure.value.unroutable
    finally:
        rabbit_node.control("clear_policy", "small")


async def test_an_id_published_twice_in_one_batch_is_not_mistaken_for_confirmed(
    broker: Broker,
) -> None:
    twice = messages("nobody.listens", [1]) * 2
    with pytest.raises(PublishFailed) as failure:
        await broker.publish(twice)
    assert failure.value.confirmed == set()
    await broker.publish(messages("order.created", [1]) * 2)
    assert numbers(await consume(broker, 2)) == [1, 1]


async def test_a_queue_somebody_declared_otherwise_is_named(broker_url: str) -> None:
    # Given somebody else's classic queue in the place of ours
    async with aiormq.connect(broker_url) as connection:
        await (await connection.channel()).queue_declare("order", durable=True)
    # Then declare() says which queue, and what about it
    broker = broker_for(broker_url)
    with pytest.raises(BrokerUnavailable, match=r"inequivalent .* for queue 'order'"):
        await broker.declare(INVOICE_SERVICE)
    await broker.close()
