"""The relay at its worst moments: killed, frozen, without its session, with transactions that
commit out of order."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import httpx
import psycopg

from tests.faults.load import Order
from tests.faults.processes import Service
from tests.faults.queues import consumer_paused, queued
from tests.faults.shop import FaultyShop, on_pgmq
from tests.fixtures.shop import eventually


def test_a_relay_killed_after_it_published_and_before_the_confirm_publishes_again(
    shop: FaultyShop,
) -> None:
    # Given an event that reaches the broker, whose confirm does not come back
    moment = shop.to_broker["order-service"].stop_at(b"order no. ", passing=True)
    order = shop.client.order(shop.users[0])
    moment.wait()
    # When the service is killed: the event is still in the outbox
    shop["order-service"].kill()
    assert shop.outbox() == 1
    shop.to_broker["order-service"].flow()
    shop["order-service"].start()
    # Then the event may be sent twice, and counts once
    eventually(lambda: shop.lines(order) == 1)
    shop.assert_nothing_lost_nothing_doubled()


def test_a_relay_killed_after_the_confirm_and_before_the_outbox_row_goes_publishes_again(
    shop: FaultyShop,
) -> None:
    # Given an event that the broker has confirmed, and a relay about to delete the row
    shop.to_database[
        "order-service"
    ].cut()  # so that it prepares its statements again, where the wire can read them
    moment = shop.to_database["order-service"].stop_at(b"delete from demo.outbox", passing=False)
    order = shop.client.order(shop.users[0])
    moment.wait()
    # When it is killed: the row is there, and the event is on its way too
    shop["order-service"].kill()
    assert shop.outbox() == 1
    eventually(lambda: shop.lines(order) == 1)
    shop.to_database["order-service"].flow()
    shop["order-service"].start()
    # Then the event is sent twice, and counts once
    eventually(lambda: shop.outbox() == 0)
    shop.assert_nothing_lost_nothing_doubled()


@contextmanager
def open_transaction(shop: FaultyShop) -> Iterator["Writer"]:
    """Somebody who writes orders as the service does, and takes their time to commit."""
    with psycopg.connect(shop.databases.admin["order_service"]) as connection:
        yield Writer(shop, connection)


class Writer:
    def __init__(self, shop: FaultyShop, connection: psycopg.Connection) -> None:
        self._shop, self._connection = shop, connection
        self._made: dict[int, Order] = {}

    def order(self) -> int:
        user, what = self._shop.users[0], "by hand"
        [(number, sequence)] = self._connection.execute(
            BY_HAND, {"user": user, "what": what}
        ).fetchall()
        self._made[number] = Order(user, what, Decimal("1.00"), "2025-04-03T10:00:00Z")
        return int(sequence)

    def commit(self) -> None:
        self._connection.commit()
        self._shop.ledger.orders.update(self._made)


BY_HAND: Any = """
with state as (
    insert into demo.orders (user_id, description, amount, purchase_dt, event_id)
    values (%(user)s, %(what)s, 1.00, '2025-04-03T10:00:00Z', uuidv7())
    returning *
),
event as (
    insert into demo.events (id, type, subject, data)
    select event_id, 'order.created', id::text, jsonb_build_object(
        'id', id, 'user_id', user_id, 'description', description, 'amount', amount, 'purchase_dt',
            demo.rfc3339(purchase_dt))
    from state
    returning sequence, id
),
outbox as (
    insert into demo.outbox (sequence, event_id) select sequence, id from event
)
select state.id, event.sequence from state, event
"""


def test_events_whose_transactions_commit_in_reverse_order_are_all_published(
    shop: FaultyShop,
) -> None:
    with open_transaction(shop) as slow, open_transaction(shop) as quick:
        # Given two transactions, the first of which took its place in the log and is still open
        first, second = slow.order(), quick.order()
        assert first < second
        # When the second commits, and its event has passed through the relay
        quick.commit()
        eventually(lambda: set(shop.ledger.orders) <= shown(shop))
        # And the first commits after it
        slow.commit()
    # Then it is published all the same
    shop.assert_nothing_lost_nothing_doubled()


def test_a_transaction_left_open_while_hundreds_commit_is_not_skipped_and_holds_nobody_up(
    shop: FaultyShop,
) -> None:
    with open_transaction(shop) as slow:
        # Given a transaction left open
        slow.order()
        # When many others commit meanwhile, through the service
        with shop.load(rate=100):
            shop.after_orders(300)
        # Then they do not wait for it
        eventually(lambda: set(shop.ledger.orders) <= shown(shop))
        slow.commit()
    # And it is published when it commits
    shop.assert_nothing_lost_nothing_doubled()


def shown(shop: FaultyShop) -> set[int]:
    return {id for (id,) in shop.rows("invoice-service", "select order_id from demo.invoice_lines")}


END_LEADER = """
select pg_terminate_backend(pid)
from pg_locks as l join pg_stat_activity as a using (pid)
where l.locktype = 'advisory' and l.objsubid = 2 and l.granted
    and a.application_name = 'relay/order-service'
  and l.database = (select oid from pg_database where datname = current_database())
"""


def test_a_relay_that_loses_its_session_in_mid_batch_is_followed_by_the_other_without_a_gap(
    shop: FaultyShop,
) -> None:
    # Given two copies of a command service under load, and messages that stay in the queue to be
    # looked at
    before = set(shop.ledger.orders)
    with consumer_paused(shop), shop.and_another("order-service"):
        with shop.load(rate=150):
            # When the session of the one that relays is ended, again and again
            for _ in range(3):
                shop.after_orders(40)
                [(ended,)] = eventually(lambda: shop.rows("order-service", END_LEADER))
                assert ended
        # Then all comes through
        eventually(lambda: shop.outbox() == 0)
        arrived = [event["data"] for event in queued(shop)]
    # And each client's orders stand in the queue in the order in which that client placed them
    assert {order["id"] for order in arrived} == set(shop.ledger.orders) - before
    for user in shop.users:
        first_seen = list(
            dict.fromkeys(order["id"] for order in arrived if order["user_id"] == user)
        )
        assert first_seen == sorted(first_seen)
    shop.assert_nothing_lost_nothing_doubled()


def test_of_two_copies_one_relays_and_each_event_is_in_the_queue_once_and_in_order(
    shop: FaultyShop,
) -> None:
    shop.assert_nothing_lost_nothing_doubled()
    before = set(shop.ledger.orders)
    # Given two copies of a command service, and messages that stay in the queue to be looked at
    with consumer_paused(shop), shop.and_another("order-service"):
        copies = shop.services["order-service"]
        # When clients order from both
        with shop.load(rate=150):
            shop.after_orders(150)
        # Then one of them publishes for both
        assert [leads(copy) for copy in copies].count(True) == 1
        eventually(lambda: shop.outbox() == 0)
        arrived = [event["data"] for event in queued(shop)]
    assert len(arrived) == len(set(shop.ledger.orders) - before)
    for user in shop.users:
        theirs = [order["id"] for order in arrived if order["user_id"] == user]
        assert theirs == sorted(theirs)
    shop.assert_nothing_lost_nothing_doubled()


def leads(service: Service) -> bool:
    return bool(httpx.get(f"{service.url}/relay", timeout=10).json()["leading"])


@on_pgmq
def test_a_leading_copy_that_freezes_is_replaced_and_does_no_harm_when_it_thaws(
    shop: FaultyShop,
) -> None:
    with shop.and_another("order-service"):
        # Given two copies, the leading one of which freezes
        copies = shop.services["order-service"]
        [leading] = eventually(lambda: [copy for copy in copies if leads(copy)])
        others = [copy for copy in copies if copy is not leading]
        shop.client.order(shop.users[0])
        leading.pause()
        try:
            # When clients go on at the other
            shop.services["order-service"] = others
            with shop.load(rate=60):
                shop.after_orders(60)
            # Then that one comes to lead, and everything flows
            eventually(lambda: shop.outbox() == 0 and all(map(leads, others)), seconds=60)
        finally:
            leading.resume()
            shop.services["order-service"] = copies
        shop.assert_nothing_lost_nothing_doubled()
