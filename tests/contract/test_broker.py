"""What every broker behind the port must do. Each test runs against each."""

import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from decimal import Decimal

import anyio
import pytest

from cqrs_demo.contract.codec import CONTENT_TYPE
from cqrs_demo.messaging.broker import (
    INVOICE_SERVICE,
    Broker,
    BrokerUnavailable,
    Delivery,
    Message,
    PublishFailed,
    Subscriber,
    Subscription,
)
from cqrs_demo.messaging.connect import broker_for
from tests.contract.conftest import Server
from tests.fixtures.brokers import AUDIT

pytestmark = pytest.mark.anyio


def only(topic: str) -> Subscriber:
    """invoice-service's share of one topic."""
    return Subscriber(INVOICE_SERVICE.name, (topic,))


def messages(routing_key: str, numbers: Sequence[int]) -> list[Message]:
    return [
        Message(routing_key, f"{routing_key}-{number}", json.dumps({"number": number}).encode())
        for number in numbers
    ]


def numbers(deliveries: Sequence[Delivery]) -> list[int]:
    return [json.loads(delivery.body)["number"] for delivery in deliveries]


async def receive(subscription: Subscription, count: int) -> list[Delivery]:
    """Exactly `count` deliveries, kept in hand."""
    deliveries: list[Delivery] = []
    with anyio.fail_after(30):
        while len(deliveries) < count:
            deliveries += await subscription.receive(count - len(deliveries), wait=1)
    return deliveries


async def consume(
    broker: Broker, count: int, subscriber: Subscriber = INVOICE_SERVICE
) -> list[Delivery]:
    """Takes `count` messages for good, batch by batch."""
    subscription = await broker.subscribe(subscriber, 100)
    deliveries: list[Delivery] = []
    with anyio.fail_after(30):
        while len(deliveries) < count:
            batch = await subscription.receive(count - len(deliveries), wait=1)
            await subscription.acknowledge(batch)
            deliveries += batch
    await subscription.close()
    return deliveries


async def receive_until_lost(subscription: Subscription) -> None:
    with anyio.fail_after(10):
        while True:
            await subscription.receive(1, wait=1)


async def assert_depths_become(broker: Broker, **expected: int) -> None:
    """RabbitMQ counts a moment later than it delivers."""
    wanted = dict.fromkeys(INVOICE_SERVICE.topics, 0) | expected
    deadline = time.monotonic() + 10
    while (depths := await broker.depths(INVOICE_SERVICE)) != wanted:
        assert time.monotonic() < deadline, f"depths are {depths}, not {wanted}"
        await anyio.sleep(0.05)


async def test_each_type_goes_to_the_queue_of_its_name(broker: Broker) -> None:
    # When one message of each type is published
    await broker.publish(
        [
            *messages("user.created", [1]),
            *messages("account.created", [2]),
            *messages("order.created", [3]),
        ]
    )
    # Then each queue has its own
    for queue, number in (("user", 1), ("account", 2), ("order", 3)):
        (delivery,) = await consume(broker, 1, only(queue))
        assert (delivery.topic, numbers([delivery])) == (queue, [number])
    await assert_depths_become(broker)


async def test_the_body_arrives_as_it_was_sent(broker: Broker) -> None:
    # Given an event with what JSON may hold: exact money, other scripts, quotes, nothing, much
    text = (
        '{"amount": 50.00, "name": "Zoë \\"☕\\" O\'Neil \\\\ 名", "none": null, "long": "'
        + "x" * 300_000
        + '"}'
    )
    # When it travels
    await broker.publish([Message("order.created", "1", text.encode())])
    (delivery,) = await consume(broker, 1)
    # Then it is equal, digit by digit
    assert json.loads(delivery.body, parse_float=Decimal) == json.loads(text, parse_float=Decimal)
    assert b"50.00" in delivery.body


async def test_what_travels_beside_the_body_arrives_too(broker: Broker) -> None:
    # Given a message with a key, a type of content and headers of its own, and one without
    headers = {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "lang": "ελ",
    }
    full = Message("order.created", "1", b"{}", "user-7", "application/json", headers)
    bare = Message("order.created", "2", b"{}")
    # When they travel
    await broker.publish([full, bare])
    first, second = await consume(broker, 2)
    # Then so they arrive
    assert (first.key, first.content_type, first.headers) == ("user-7", "application/json", headers)
    assert (second.key, second.content_type, second.headers) == ("", CONTENT_TYPE, {})


@pytest.mark.parametrize(
    "body", [b"\x00\xff\xc3\x01", b"", b'"text"', bytes(range(256)) * 1000], ids=len
)
async def test_what_is_not_json_arrives_byte_for_byte(broker: Broker, body: bytes) -> None:
    # Given bytes of a type that is not JSON, between messages that are
    binary = Message("order.created", "1", body, "7", "avro/binary", {"ce-type": "order.created"})
    # When they travel
    await broker.publish([*messages("order.created", [1]), binary, *messages("order.created", [2])])
    first, delivery, last = await consume(broker, 3)
    # Then so they arrive, in their place, with all that belongs to them
    assert (delivery.body, delivery.content_type) == (body, "avro/binary")
    assert (delivery.key, delivery.headers) == ("7", {"ce-type": "order.created"})
    assert numbers([first, last]) == [1, 2]


async def test_each_subscriber_of_a_topic_gets_every_event(broker: Broker) -> None:
    # Given two services that want orders; one of them wants no accounts
    await broker.declare(INVOICE_SERVICE, AUDIT)
    # When events are published
    await broker.publish(
        [
            *messages("order.created", [1, 2]),
            *messages("account.created", [3]),
            *messages("user.created", [4]),
        ]
    )
    # Then each has all of its topics, and takes nothing from the other
    assert await broker.depths(AUDIT) == {"order": 2, "user": 1}
    assert sorted(numbers(await consume(broker, 3, AUDIT))) == [1, 2, 4]
    assert await broker.depths(AUDIT) == {"order": 0, "user": 0}
    assert sorted(numbers(await consume(broker, 4))) == [1, 2, 3, 4]


async def test_no_more_than_the_limit_is_in_hand(broker: Broker, broker_url: str) -> None:
    # Given a consumer that may have two orders in hand, and has them
    await broker.publish(messages("order.created", range(5)))
    limited = await broker.subscribe(only("order"), 2)
    first = await receive(limited, 2)
    # Then it gets no third one, and another consumer has the others
    assert await limited.receive(1, wait=0.3) == []
    other = await broker.subscribe(only("order"), 10)
    assert numbers(await receive(other, 3)) == [2, 3, 4]
    # Until it has acknowledged
    await other.close()
    await limited.acknowledge(first)
    assert len(await receive(limited, 2)) == 2
    await limited.close()


async def test_publish_order_is_kept_in_each_queue(broker: Broker) -> None:
    # Given a batch larger than any window, of types that alternate
    count = 1500
    batch = [
        message
        for number in range(count)
        for key in ("user.created", "account.created")
        for message in messages(key, [number])
    ]
    # When it is published and consumed in batches
    await broker.publish(batch)
    deliveries = await consume(broker, 2 * count)
    # Then each queue gave its messages in that order
    assert numbers([d for d in deliveries if d.topic == "user"]) == list(range(count))
    assert numbers([d for d in deliveries if d.topic == "account"]) == list(range(count))


async def test_types_that_share_a_queue_keep_their_order(broker: Broker) -> None:
    # When two types alternate in one queue
    keys = ["user.created", "user.renamed", "user.created", "user.renamed", "user.renamed"]
    await broker.publish(
        [message for number, key in enumerate(keys) for message in messages(key, [number])]
    )
    # Then they come as they were published
    assert numbers(await consume(broker, 5)) == [0, 1, 2, 3, 4]


async def test_publishing_nothing_is_no_error(broker: Broker) -> None:
    await broker.publish([])
    assert await broker.depths(INVOICE_SERVICE) == {"user": 0, "account": 0, "order": 0}


@pytest.mark.parametrize("missing", ["queue", "binding"])
async def test_a_message_without_a_queue_is_an_error_and_its_neighbours_are_confirmed(
    broker: Broker, server: Server, missing: str
) -> None:
    # Given accounts have no queue, or it is not bound
    await (server.delete_queue("account") if missing == "queue" else server.unbind("account"))
    # When an account is published between two users
    batch = [
        *messages("user.created", [1]),
        *messages("account.created", [2]),
        *messages("user.created", [3]),
    ]
    with pytest.raises(PublishFailed) as failure:
        await broker.publish(batch)
    # Then the error says so, and names those that are safe
    assert failure.value.unroutable
    assert failure.value.confirmed == {"user.created-1", "user.created-3"}
    # And declare() mends it
    await broker.declare(INVOICE_SERVICE)
    await broker.publish(messages("account.created", [2]))
    await assert_depths_become(broker, user=2, account=1)


async def test_what_nobody_subscribes_to_is_taken_all_the_same_between_what_somebody_wants(
    broker: Broker,
) -> None:
    # Given an event of a topic without a subscriber, which nobody is said to want
    [unwanted] = messages("credit.limited", [2])
    # When it is published between two others
    batch = [*messages("user.created", [1]), replace(unwanted, wanted=False)]
    await broker.publish([*batch, *messages("user.created", [3])])
    # Then that is no error, and the others arrive
    assert numbers(await consume(broker, 2)) == [1, 3]


async def test_before_anything_is_declared_publishing_is_an_error(broker_url: str) -> None:
    # Given a broker nobody declared anything on
    broker = broker_for(broker_url)
    # When something is published
    with pytest.raises(PublishFailed) as failure:
        await broker.publish(messages("user.created", [1]))
    # Then nothing is confirmed, and declare() mends it
    assert failure.value.unroutable
    assert failure.value.confirmed == set()
    await broker.declare(INVOICE_SERVICE)
    await broker.publish(messages("user.created", [1]))
    assert numbers(await consume(broker, 1)) == [1]
    await broker.close()


async def test_many_may_declare_at_once(broker_url: str) -> None:
    # When five services start together on an empty broker
    brokers = [broker_for(broker_url) for _ in range(5)]
    async with anyio.create_task_group() as together:
        for broker in brokers:
            together.start_soon(broker.declare, INVOICE_SERVICE)
    # Then it is declared
    await brokers[0].publish(messages("order.created", [1]))
    assert numbers(await consume(brokers[4], 1)) == [1]
    for broker in brokers:
        await broker.close()


async def test_receive_takes_no_more_than_it_is_asked_for(broker: Broker) -> None:
    await broker.publish(
        [*messages("user.created", range(5)), *messages("order.created", range(5))]
    )
    subscription = await broker.subscribe(INVOICE_SERVICE, 100)
    assert len(await receive(subscription, 3)) == 3
    assert len(await subscription.receive(2, wait=5)) <= 2
    await subscription.close()


async def test_a_waiting_consumer_gets_what_is_published_meanwhile(broker: Broker) -> None:
    # Given a consumer that waits at empty queues
    subscription = await broker.subscribe(INVOICE_SERVICE, 100)
    received: list[Delivery] = []

    async def wait() -> None:
        received.extend(await subscription.receive(10, wait=30))

    async with anyio.create_task_group() as together:
        together.start_soon(wait)
        await anyio.sleep(0.1)
        # When something is published
        await broker.publish(messages("order.created", [1]))
    # Then the consumer has it
    assert numbers(received) == [1]
    await subscription.close()


async def test_what_is_acknowledged_never_comes_again(broker: Broker) -> None:
    # Given a batch that was acknowledged
    await broker.publish(messages("order.created", range(10)))
    await consume(broker, 10)
    # When another consumer comes
    subscription = await broker.subscribe(INVOICE_SERVICE, 100)
    # Then it finds nothing
    assert await subscription.receive(10, wait=0.3) == []
    await subscription.close()
    await assert_depths_become(broker)


async def test_acknowledging_some_leaves_the_others(broker: Broker) -> None:
    # Given ten messages in hand
    await broker.publish(messages("order.created", range(10)))
    subscription = await broker.subscribe(INVOICE_SERVICE, 100)
    deliveries = await receive(subscription, 10)
    # When some are acknowledged, in no order and one of them twice, and the consumer goes
    await subscription.acknowledge([deliveries[7], deliveries[0], deliveries[1], deliveries[4]])
    await subscription.acknowledge([deliveries[4], deliveries[9]])
    await subscription.close()
    # Then the others, and no other, come again
    assert sorted(numbers(await consume(broker, 5))) == [2, 3, 5, 6, 8]
    await assert_depths_become(broker)


async def test_acknowledging_a_batch_leaves_what_was_fetched_in_advance(broker: Broker) -> None:
    # Given a consumer that holds ten messages and has received three of them
    await broker.publish(messages("order.created", range(10)))
    subscription = await broker.subscribe(INVOICE_SERVICE, 100)
    # When it acknowledges those and goes
    await subscription.acknowledge(await receive(subscription, 3))
    await subscription.close()
    # Then the other seven come again
    assert numbers(await consume(broker, 7)) == list(range(3, 10))


async def test_messages_of_a_killed_consumer_come_again(broker: Broker, broker_url: str) -> None:
    # Given a process that has received two messages
    await broker.publish(messages("order.created", [1, 2]))
    program = f"""
import asyncio
from cqrs_demo.messaging.broker import Subscriber
from cqrs_demo.messaging.connect import broker_for

order = Subscriber("invoice-service", ("order",))

async def take_and_keep():
    subscription = await broker_for({broker_url!r}).subscribe(order, 10)
    taken = 0
    while taken < 2:
        taken += len(await subscription.receive(2, wait=1))
    print("taken", end="", flush=True)
    await asyncio.sleep(60)

asyncio.run(take_and_keep())
"""
    async with await anyio.open_process([sys.executable, "-c", program], stderr=None) as consumer:
        assert consumer.stdout is not None
        assert await consumer.stdout.receive() == b"taken"
        # When it is killed
        consumer.kill()
    # Then another gets them
    assert sorted(numbers(await consume(broker, 2))) == [1, 2]


async def test_depths_count_what_is_ready_and_not_what_is_in_hand(broker: Broker) -> None:
    # Given three orders and a user
    await broker.publish([*messages("order.created", [1, 2, 3]), *messages("user.created", [4])])
    await assert_depths_become(broker, order=3, user=1)
    # When one of the orders is taken
    subscription = await broker.subscribe(only("order"), 1)
    await receive(subscription, 1)
    # Then two are ready
    await assert_depths_become(broker, order=2, user=1)
    # And three again when it is given back
    await subscription.close()
    await assert_depths_become(broker, order=3, user=1)


async def test_a_missing_queue_is_named(broker: Broker, server: Server) -> None:
    await server.delete_queue("account")
    with pytest.raises(BrokerUnavailable, match="account"):
        await broker.depths(INVOICE_SERVICE)
    with pytest.raises(BrokerUnavailable, match="account"):
        await broker.subscribe(INVOICE_SERVICE, 10)
    # And the connection still serves
    assert numbers(await publish_and_consume(broker)) == [1]


async def publish_and_consume(broker: Broker) -> list[Delivery]:
    await broker.publish(messages("order.created", [1]))
    return await consume(broker, 1, only("order"))


async def test_consumers_share_a_queue_without_doubling(broker: Broker, broker_url: str) -> None:
    # Given 300 messages and three consumers on connections of their own
    await broker.publish(messages("order.created", range(300)))
    shares: list[list[int]] = [[], [], []]
    brokers = [broker_for(broker_url) for _ in shares]

    async def work(broker: Broker, share: list[int]) -> None:
        subscription = await broker.subscribe(INVOICE_SERVICE, 20)
        while sum(map(len, shares)) < 300:
            deliveries = await subscription.receive(20, wait=0.2)
            await subscription.acknowledge(deliveries)
            share.extend(numbers(deliveries))
        await subscription.close()
        await broker.close()

    # When they work together
    with anyio.fail_after(30):
        async with anyio.create_task_group() as together:
            for consumer, share in zip(brokers, shares, strict=True):
                together.start_soon(work, consumer, share)
    # Then each message was handled by one of them
    assert sorted(number for share in shares for number in share) == list(range(300))


async def test_a_lost_connection_is_regained(broker: Broker, server: Server) -> None:
    # Given a consumer with a message in hand
    await broker.publish(messages("order.created", [1]))
    subscription = await broker.subscribe(INVOICE_SERVICE, 10)
    (delivery,) = await receive(subscription, 1)
    # When the server ends every connection
    await server.end_connections()
    # Then the subscription says that it is lost, and stays so
    with pytest.raises(BrokerUnavailable):
        await receive_until_lost(subscription)
    with pytest.raises(BrokerUnavailable):
        await subscription.acknowledge([delivery])
    with pytest.raises(BrokerUnavailable):
        await subscription.receive(1, wait=1)
    await subscription.close()
    # And the broker serves again, and delivers what was not acknowledged
    await retry(broker.ping)
    await broker.publish(messages("order.created", [2]))
    assert sorted(numbers(await consume(broker, 2))) == [1, 2]


async def test_publishing_goes_on_after_a_lost_connection(broker: Broker, server: Server) -> None:
    # Given a connection that has published
    await broker.publish(messages("order.created", [1]))
    # When the server ends it
    await server.end_connections()
    # Then publishing fails as unavailable or works, and soon works
    await retry(lambda: broker.publish(messages("order.created", [2])))
    assert set(numbers(await consume(broker, 2))) == {1, 2}


async def test_a_subscription_ends_when_its_queue_is_deleted(
    broker: Broker, server: Server
) -> None:
    subscription = await broker.subscribe(only("order"), 10)
    await server.delete_queue("order")
    with pytest.raises(BrokerUnavailable):
        await receive_until_lost(subscription)
    await subscription.close()


async def test_nobody_at_home_is_unavailable(broker_url: str) -> None:
    # Given a URL where nobody listens
    scheme = broker_url.partition("://")[0]
    broker = broker_for(f"{scheme}://somebody:secret@127.0.0.1:1/broker")
    # Then every call says so, and none says the password
    for call in (
        broker.ping,
        lambda: broker.declare(INVOICE_SERVICE),
        lambda: broker.depths(INVOICE_SERVICE),
        lambda: broker.publish(messages("order.created", [1])),
    ):
        with pytest.raises(BrokerUnavailable) as failure:
            await call()
        assert "secret" not in str(failure.value)
    await broker.close()


async def retry(call: Callable[[], Awaitable[object]]) -> None:
    """Until it is done. Each attempt may find the connection lost, and makes a new one."""
    with anyio.fail_after(15):
        while True:
            try:
                await call()
            except BrokerUnavailable:
                await anyio.sleep(0.05)
            else:
                return
