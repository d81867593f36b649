"""What is PGMQ's own: it keeps JSON, and lives in a database that others may write to."""

import json
from collections.abc import Iterator

import anyio
import psycopg
import pytest

from cqrs_demo.messaging.broker import (
    INVOICE_SERVICE,
    Broker,
    BrokerUnavailable,
    Message,
    PublishFailed,
)
from cqrs_demo.messaging.connect import broker_for
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from tests.contract.test_broker import consume, messages, numbers, only
from tests.fixtures.shop import cloned_databases

pytestmark = pytest.mark.anyio

NOT_JSON = {
    "words": b"hello",
    "nothing": b"",
    "half": b'{"a": 1',
    "two": b"1, 2",
    "NaN": b'{"a": NaN}',
    "NUL": b'"\x00"',
    "escaped NUL": b'"\\u0000"',
    "half a surrogate pair": b'"\\ud800"',
    "Latin-1": '"é"'.encode("latin-1"),
}


@pytest.fixture
def broker_url(migrated: EmbeddedPostgres) -> Iterator[str]:
    with cloned_databases(migrated, "broker") as databases:
        yield databases.dsn["broker"]


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
async def test_what_is_not_json_is_refused_by_name_and_its_neighbours_are_confirmed(
    broker: Broker, body: bytes
) -> None:
    # Given a message between two others that PostgreSQL does not take as JSON
    batch = [
        *messages("order.created", [1]),
        Message("order.created", "the-bad-one", body),
        *messages("order.created", [2]),
    ]
    # When they are published
    with pytest.raises(PublishFailed, match=r"not JSON.*the-bad-one") as failure:
        await broker.publish(batch)
    # Then the others are safe, and declare() would not mend it
    assert failure.value.confirmed == {"order.created-1", "order.created-2"}
    assert not failure.value.unroutable
    assert numbers(await consume(broker, 2)) == [1, 2]


async def test_a_routing_key_that_pgmq_does_not_know_as_one_is_unroutable(broker: Broker) -> None:
    with pytest.raises(PublishFailed) as failure:
        await broker.publish(
            [Message("order created!", "odd", b"{}"), *messages("order.created", [1])]
        )
    assert (failure.value.unroutable, failure.value.confirmed) == (True, {"order.created-1"})


async def test_what_somebody_sends_by_hand_is_found_without_a_wake_up(
    broker: Broker, broker_url: str
) -> None:
    # Given a consumer that waits
    subscription = await broker.subscribe(only("order"), 10)
    assert await subscription.receive(10, wait=0.1) == []
    # When somebody calls pgmq.send in psql
    async with await psycopg.AsyncConnection.connect(broker_url) as connection:
        await connection.execute("""select pgmq.send('order', '{"by": "hand"}')""")
    # Then the poll finds it
    with anyio.fail_after(10):
        (delivery,) = await subscription.receive(10, wait=10)
    assert json.loads(delivery.body) == {"by": "hand"}
    await subscription.close()


@pytest.mark.parametrize("message", ['{"by": "hand"}', "[]", '{"base64": "?"}'])
async def test_a_body_that_claims_to_be_bytes_and_is_none_comes_as_it_is(
    broker: Broker, broker_url: str, message: str
) -> None:
    # Given a message that somebody sent by hand with a header that only our own have
    send = """select pgmq.send('order', %s::jsonb, '{"encoding": "base64"}'::jsonb)"""
    async with await psycopg.AsyncConnection.connect(broker_url) as connection:
        await connection.execute(send, [message])
    # Then it is the reader's to say what is wrong with it
    (delivery,) = await consume(broker, 1)
    assert json.loads(delivery.body) == json.loads(message)


async def test_a_database_without_pgmq_is_told_from_one_that_is_away(
    postgres: EmbeddedPostgres,
) -> None:
    broker = broker_for(postgres.dsn())
    with pytest.raises(BrokerUnavailable, match="migrate"):
        await broker.declare(INVOICE_SERVICE)
    await broker.close()
