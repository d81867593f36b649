"""When the fault is the system's, no message is blamed for it: all are kept, the health check says
so, and it heals."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import aiormq
import httpx

from cqrs_demo.messaging.broker import INVOICE_SERVICE
from cqrs_demo.messaging.rabbitmq_topology import dead_exchange
from tests.faults.oracle import depths
from tests.faults.queues import consumer_paused
from tests.faults.shop import FaultyShop, on_pgmq, on_rabbitmq
from tests.fixtures.shop import eventually

WAITING = "select reason from demo.dead_letters where status = 'waiting'"
MANY = 12  # more than fail in a row before that is taken for the system's fault


@contextmanager
def out_of_order(shop: FaultyShop, break_it: str, mend_it: str) -> Iterator[None]:
    """Orders wait for a read model that is broken; the block begins when the consumer has met
    it."""
    with consumer_paused(shop):
        for number in range(MANY):
            shop.client.order(shop.users[number % len(shop.users)])
        eventually(lambda: shop.outbox() == 0)
        shop.rows("invoice-service", break_it)
    eventually(lambda: shop.unwell("invoice-service", "consumer"))
    yield
    shop.rows("invoice-service", mend_it)


def test_rights_that_are_missing_for_a_moment_are_no_messages_fault(shop: FaultyShop) -> None:
    # Given a role that may not write lines any more
    revoke = "revoke insert on demo.invoice_lines from invoice_service"
    with out_of_order(shop, revoke, "grant insert on demo.invoice_lines to invoice_service"):
        # Then nothing is set aside, and the health check says what is wrong
        assert shop.rows("invoice-service", WAITING) == []
        health = shop["invoice-service"].health()
        assert health is not None
        assert "permission denied for table invoice_lines" in health["checks"]["consumer"]
    # And everything is applied once the right is there again
    shop.assert_nothing_lost_nothing_doubled()


@on_pgmq
def test_a_table_that_is_missing_for_a_moment_is_no_messages_fault(shop: FaultyShop) -> None:
    away, back = (
        "alter table demo.{} rename to {}".format(*names)
        for names in (("invoices", "hidden"), ("hidden", "invoices"))
    )
    with out_of_order(shop, away, back):
        assert shop.rows("invoice-service", WAITING) == []
    shop.assert_nothing_lost_nothing_doubled()


@on_pgmq
def test_many_messages_that_fail_in_the_same_way_are_no_messages_fault(shop: FaultyShop) -> None:
    # Given a rule by which no order can be applied, though each failure by itself looks like the
    # message's own
    rule = "alter table demo.invoice_lines add constraint nobody check (order_id < 0) not valid"
    with out_of_order(shop, rule, "alter table demo.invoice_lines drop constraint nobody"):
        # Then nothing is set aside
        assert shop.rows("invoice-service", WAITING) == []
    shop.assert_nothing_lost_nothing_doubled()


LOCKED_OUT = """
select pid from pg_stat_activity
where datname = current_database() and application_name = 'invoice-service'
    and wait_event_type = 'Lock'
"""


@on_pgmq
def test_a_consumer_killed_again_and_again_while_it_waits_for_a_lock_blames_no_message(
    shop: FaultyShop,
) -> None:
    # Given a table that somebody has locked, and an order that waits for it
    with shop.transaction("invoice-service") as somebody:
        somebody.execute("lock table demo.invoice_lines in access exclusive mode")
        order = shop.client.order(shop.users[0])
        # When the consumer is killed in the middle of its wait, more often than an attempt may fail
        for _ in range(5):
            [(pid,)] = eventually(lambda: shop.rows("invoice-service", LOCKED_OUT))
            shop["invoice-service"].kill()
            shop.rows("invoice-service", "select pg_terminate_backend(%s)", pid)
            eventually(lambda: not shop.rows("invoice-service", LOCKED_OUT))
            shop.skip_hiding()
            shop["invoice-service"].start()
    # Then the order counts, once the lock is gone
    eventually(lambda: shop.lines(order) == 1, seconds=30)
    assert shop.rows("invoice-service", WAITING) == []
    shop.assert_nothing_lost_nothing_doubled()


@on_rabbitmq
def test_no_message_is_taken_before_the_own_database_answers(shop: FaultyShop) -> None:
    # Given a query service whose database is away when it starts
    shop["invoice-service"].kill()
    shop.to_database["invoice-service"].refuse()
    shop["invoice-service"].start()
    eventually(lambda: shop.unwell("invoice-service", "consumer"))
    # When orders are published
    for _ in range(3):
        shop.client.order(shop.users[0])
    eventually(lambda: shop.outbox() == 0)
    # Then they stay in their queue
    assert depths(shop.broker_url)["order"] == 3
    shop.to_database["invoice-service"].flow()
    shop.assert_nothing_lost_nothing_doubled()


def test_a_service_whose_database_and_broker_are_away_is_alive_and_not_ready(
    shop: FaultyShop,
) -> None:
    for name in shop.services:
        shop.to_database[name].refuse()
        shop.to_broker[name].refuse()
    for name in shop.services:
        eventually(lambda: (health := shop[name].health()) and health["status"] == "unavailable")  # noqa: B023
        alive = httpx.get(f"{shop[name].url}/healthcheck/live", timeout=10)
        assert (alive.status_code, alive.json()["status"]) == (200, "ok")
    for wire in (*shop.to_database.values(), *shop.to_broker.values()):
        wire.flow()
    shop.assert_nothing_lost_nothing_doubled()


@on_rabbitmq
def test_what_rabbitmq_gave_up_on_is_a_dead_letter_and_counts_once_when_it_is_retried(
    shop: FaultyShop,
) -> None:
    # Given a message that RabbitMQ has moved to its own last net
    async def give_up() -> None:
        async with aiormq.connect(shop.broker_url) as connection:
            channel = await connection.channel()
            message = await channel.basic_get("order", no_ack=True)
            await channel.basic_publish(message.body, exchange=dead_exchange(INVOICE_SERVICE))

    with consumer_paused(shop):
        order = shop.client.order(shop.users[0])
        eventually(lambda: shop.outbox() == 0)
        asyncio.run(give_up())
    # Then it is seen where people look
    reason = "RabbitMQ gave up on it: it was put into the queue of the dead"
    eventually(lambda: shop.rows("invoice-service", WAITING) == [(reason,)])
    # And counts once it is retried
    assert shop.lines(order) == 0
    assert shop.retry_dead_letters() == {"applied": 1, "failed": 0}
    shop.assert_nothing_lost_nothing_doubled()


@on_pgmq
def test_a_retry_while_the_system_is_out_of_order_leaves_the_letters_as_they_are(
    shop: FaultyShop,
) -> None:
    # Given an order that was set aside, and then rights that are missing
    rule = "alter table demo.invoice_lines add constraint nobody check (order_id < 0) not valid"
    shop.rows("invoice-service", rule)
    shop.client.order(shop.users[0])
    eventually(lambda: shop.rows("invoice-service", WAITING))
    shop.rows("invoice-service", "alter table demo.invoice_lines drop constraint nobody")
    shop.rows("invoice-service", "revoke insert on demo.invoice_lines from invoice_service")
    # When it is retried
    answer = httpx.post(
        f"{shop['invoice-service'].url}/dead-letters/retry", json={"all": True}, timeout=30
    )
    # Then that is refused, and the letter waits on
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert shop.rows(
        "invoice-service", "select failures from demo.dead_letters where status = 'waiting'"
    ) == [(1,)]
    shop.rows("invoice-service", "grant insert on demo.invoice_lines to invoice_service")
    assert shop.retry_dead_letters() == {"applied": 1, "failed": 0}
    shop.assert_nothing_lost_nothing_doubled()
