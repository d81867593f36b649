"""The consumer at its worst moments: killed around its commit, in the middle of a batch, frozen,
and several of it at once."""

import asyncio
import json

import httpx
import pytest

from cqrs_demo.messaging.broker import Message
from cqrs_demo.messaging.connect import broker_for
from tests.faults.queues import consumer_paused, queued
from tests.faults.shop import FaultyShop, on_pgmq, on_rabbitmq
from tests.fixtures.shop import eventually


@pytest.mark.parametrize(
    "committed",
    [False, True],
    ids=["before the commit", "after the commit and before the acknowledgement"],
)
def test_a_consumer_killed_around_its_commit_counts_the_message_once(
    shop: FaultyShop, committed: bool
) -> None:
    # Given a consumer that is about to commit, or has done so without having acknowledged
    moment = shop.to_database["invoice-service"].stop_at(b"COMMIT", passing=committed)
    order = shop.client.order(shop.users[0])
    moment.wait()
    eventually(lambda: shop.lines(order) == int(committed))
    # When it is killed
    shop["invoice-service"].kill()
    shop.to_database["invoice-service"].flow()
    assert shop.lines(order) == int(committed)
    shop["invoice-service"].start()
    # Then the message comes again and counts once
    shop.assert_nothing_lost_nothing_doubled()


def test_a_consumer_killed_in_the_middle_of_a_batch_of_500_counts_each_message_once(
    shop: FaultyShop,
) -> None:
    # Given 500 messages taken at once
    with consumer_paused(shop), shop.load(rate=400, clients=12):
        shop.after_orders(500)
    shop["invoice-service"].kill()
    moment = shop.to_database["invoice-service"].stop_at(b"insert into invoice_lines", passing=True)
    shop["invoice-service"].start()
    # When the consumer is killed after the first of them are written
    moment.wait()
    shop["invoice-service"].kill()
    shop.to_database["invoice-service"].flow()
    shop.skip_hiding()
    shop["invoice-service"].start()
    # Then
    shop.assert_nothing_lost_nothing_doubled()


def test_four_consumers_of_the_same_queues_make_one_invoice_even_when_three_are_killed(
    shop: FaultyShop,
) -> None:
    # Given four copies of the query service, and clients who all order for one user in one month
    with shop.and_another("invoice-service", copies=3) as others:
        users, shop.users = shop.users, shop.users[:1] * 12
        try:
            with shop.load(rate=200, clients=12):
                # When one after the other is killed in the middle of it
                for other in others:
                    shop.after_orders(60)
                    other.kill()
        finally:
            shop.users = users
        shop.services["invoice-service"] = shop.services["invoice-service"][:1]
        # Then
        shop.assert_nothing_lost_nothing_doubled()


@on_rabbitmq
def test_a_consumer_that_freezes_in_its_transaction_holds_the_others_up_for_seconds_only(
    shop: FaultyShop,
) -> None:
    # Given a consumer frozen before its commit, with the rows of a user locked
    moment = shop.to_database["invoice-service"].stop_at(b"COMMIT", passing=False)
    order = shop.client.order(shop.users[0])
    moment.wait()
    frozen = shop["invoice-service"]
    frozen.pause()
    try:
        with shop.and_another("invoice-service"):
            # When that user orders again, and another copy is there
            another = shop.client.order(shop.users[0])
            # Then the server ends the frozen one's transaction
            eventually(lambda: shop.lines(another) == 1, seconds=40)
    finally:
        frozen.resume()
    shop.to_database["invoice-service"].flow()
    # And when it thaws, its message counts once
    eventually(lambda: shop.lines(order) == 1, seconds=40)
    shop.assert_nothing_lost_nothing_doubled()


@on_pgmq
def test_a_consumer_whose_transaction_is_ended_because_it_froze_does_not_blame_the_message(
    shop: FaultyShop,
) -> None:
    # Given the only consumer, frozen in its transaction until the server has ended that
    shop.rows("invoice-service", SLOW_INBOX)
    order = shop.client.order(shop.users[0])
    eventually(lambda: shop.rows("invoice-service", SLEEPING))
    frozen = shop["invoice-service"]
    frozen.pause()
    try:
        shop.rows("invoice-service", "drop trigger slow on demo.processed_events")
        eventually(lambda: not shop.rows("invoice-service", IN_TRANSACTION), seconds=40)
    finally:
        # When it thaws
        frozen.resume()
    # Then the message is applied, not set aside
    eventually(lambda: shop.lines(order) == 1)
    shop.assert_nothing_lost_nothing_doubled()


SLOW_INBOX = """
create or replace function demo.slow() returns trigger language plpgsql
    as $$ begin perform pg_sleep(1); return null; end $$;
create trigger slow after insert on demo.processed_events
    for each statement execute function demo.slow()
"""
SLEEPING = (
    "select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"
)
IN_TRANSACTION = """
select pid from pg_stat_activity
where datname = current_database() and application_name = 'invoice-service'
    and xact_start is not null
"""


def send(shop: FaultyShop, bodies: list[bytes]) -> None:
    async def publish() -> None:
        broker = broker_for(shop.broker_url)
        await broker.publish(
            [Message("order.created", str(number), body) for number, body in enumerate(bodies)]
        )
        await broker.close()

    asyncio.run(publish())


def duplicates(shop: FaultyShop) -> int:
    """How many messages the consumers have recognised as such, since they were started."""
    return sum(
        httpx.get(f"{copy.url}/consumer").json()["counts"].get("duplicate", 0)
        for copy in shop.services["invoice-service"]
    )


def an_order_by_each_user(shop: FaultyShop) -> list[bytes]:
    """Their messages, which are in the queue of a consumer that is paused."""
    for user in shop.users:
        shop.client.order(user)
    eventually(lambda: shop.outbox() == 0)
    messages = [json.dumps(event).encode() for event in queued(shop)]
    assert len(messages) == len(shop.users)
    return messages


WAITING = """
select count(*) from pg_stat_activity
where datname = current_database() and application_name = 'invoice-service'
    and wait_event_type = 'Lock'
"""


def test_the_same_messages_delivered_to_two_consumers_at_once_count_once(shop: FaultyShop) -> None:
    # Given two consumers who both have the same messages in hand, and wait for the inbox
    with shop.transaction("invoice-service") as door:
        with consumer_paused(shop):
            twins = an_order_by_each_user(shop)
            door.execute("lock table demo.processed_events in share mode")
            other = shop.copy_of("invoice-service").start()
            shop.services["invoice-service"] = [shop["invoice-service"], other]
            eventually(lambda: shop.rows("invoice-service", WAITING) == [(1,)])
        sent = 0
        while shop.rows("invoice-service", WAITING) != [
            (2,)
        ]:  # a message goes to whichever of them is ready
            assert sent < 100 * len(twins)
            send(shop, twins)
            sent += len(twins)
    # When both go on at once
    # Then one of them counts each
    eventually(
        lambda: duplicates(shop) >= sent, seconds=30
    )  # more, where a slow machine lost a heartbeat
    shop.assert_nothing_lost_nothing_doubled()


def test_a_duplicate_that_arrives_long_after_counts_for_nothing(shop: FaultyShop) -> None:
    # Given events that were counted, and hundreds after them
    with consumer_paused(shop):
        twins = an_order_by_each_user(shop)
    with shop.load(rate=150):
        shop.after_orders(150)
    shop.assert_nothing_lost_nothing_doubled()
    # When they come again, to a consumer that was restarted meanwhile
    shop["invoice-service"].restart()
    send(shop, twins)
    # Then
    eventually(lambda: duplicates(shop) == len(twins))
    shop.assert_nothing_lost_nothing_doubled()
