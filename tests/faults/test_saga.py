"""What may go wrong while an order waits for its credit."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.shop import FaultyShop, on_pgmq, on_rabbitmq
from tests.fixtures.shop import eventually

MOVE_SAGA = b"update order_sagas\nset state"
"""The statement of an answer; not that of the sweep."""

HELD_UP = """
select pid from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock'
"""


@pytest.fixture
def user(shop: FaultyShop) -> int:
    """A new customer, whose credit nobody has used."""
    user = shop.client.user()
    shop.client.account(user)
    return user


@contextmanager
def refusing(shop: FaultyShop, service: str, table: str, rule: str) -> Iterator[None]:
    """The database refuses such rows, so that the message which makes one is set aside."""
    shop.rows(service, f"alter table {table} add constraint nobody check ({rule}) not valid")
    try:
        yield
    finally:
        shop.rows(service, f"alter table {table} drop constraint nobody")


def letters(shop: FaultyShop, service: str) -> int:
    query = "select count(*) from demo.dead_letters where status = 'waiting'"
    return int(shop.rows(service, query)[0][0])


def reservation(shop: FaultyShop, order: int) -> str | None:
    """Its state. None while payment-service knows nothing of the order."""
    query = "select state from demo.reservations where order_id = %s"
    found = shop.rows("payment-service", query, order)
    return str(found[0][0]) if found else None


def end_deadline(shop: FaultyShop, order: int, when: str) -> None:
    shop.rows(
        "order-service",
        "update demo.order_sagas set deadline = %s where order_id = %s and state = 'reserving'",
        when,
        order,
    )


def test_every_service_killed_in_turn_loses_no_order_and_no_credit(shop: FaultyShop) -> None:
    # Given clients who place orders that need credit and others, and cancel some of them
    with shop.load(rate=30, large=0.4):
        for name in ("order-service", "payment-service", "invoice-service", "user-service"):
            shop.after_orders(30)
            # When each service is killed
            shop[name].kill()
            shop.after_orders(0 if name == "order-service" else 5)
            shop.skip_hiding()
            shop[name].start()
    # Then accepted = approved + rejected + cancelled, and invoices and credit are those approved
    shop.assert_nothing_lost_nothing_doubled()
    outcomes = dict(
        shop.rows("order-service", "select status, count(*) from demo.orders group by status")
    )
    assert {"approved", "cancelled"} <= outcomes.keys()


@on_rabbitmq
def test_payment_service_down_past_the_deadline_rejects_and_its_late_reservations_are_released(
    shop: FaultyShop, user: int
) -> None:
    # Given payment-service down, and orders that need credit
    shop["payment-service"].kill()
    orders = [shop.client.order(user, large=True) for _ in range(3)]
    # When the deadline passes
    eventually(lambda: {shop.status(id) for id in orders} == {"rejected"})
    # And payment-service comes back, and finds the requests and then the releases
    shop["payment-service"].start()
    # Then no credit stays reserved
    shop.assert_nothing_lost_nothing_doubled()
    told = "select count(*) from demo.events where type = 'payment.released' and partitionkey = %s"
    assert shop.rows("payment-service", told, str(user)) == [(3,)]


@pytest.mark.parametrize("committed", [False, True], ids=["before", "after"])
@on_pgmq
def test_order_service_killed_around_the_commit_of_an_answer_approves_once(
    shop: FaultyShop, user: int, committed: bool
) -> None:
    # Given an order whose credit is reserved, and order-service about to commit its approval, or to
    # acknowledge the answer after that
    service = "order-service"
    shop[service].restart()  # a statement's text is sent once in a session
    if committed:
        moment = shop.to_broker[service].stop_at(b"pgmq.delete(", passing=False)
    else:
        moment = shop.to_database[service].stop_at(MOVE_SAGA, passing=False)
    order = shop.client.order(user, large=True)
    moment.wait()
    assert reservation(shop, order) == "reserved"
    assert shop.status(order) == ("approved" if committed else "pending")
    # When it is killed, in time to be there again before the deadline
    shop[service].kill()
    for wire in (shop.to_broker[service], shop.to_database[service]):
        wire.flow()
    end_deadline(shop, order, "infinity")
    shop.skip_hiding()
    shop[service].start()
    # Then the answer comes again, and counts once
    eventually(lambda: shop.status(order) == "approved")
    shop.assert_nothing_lost_nothing_doubled()


@on_pgmq
def test_two_copies_that_sweep_at_once_reject_each_order_once_and_do_not_wait_for_each_other(
    shop: FaultyShop, user: int
) -> None:
    # Given two copies of order-service, and orders that payment-service does not answer
    shop["payment-service"].kill()
    with shop.and_another("order-service"), shop.transaction("order-service") as somebody:
        orders = []
        for _ in range(4):
            orders.append(shop.client.order(user, large=True))
            end_deadline(shop, orders[-1], "infinity")
        *first, later = orders
        # When one copy sweeps, and somebody holds it up with the orders in hand
        somebody.execute("select from demo.orders where id = any(%s) for update", [first])
        for order in first:
            end_deadline(shop, order, "now")
        eventually(lambda: shop.rows("order-service", HELD_UP))
        # And one more deadline passes
        end_deadline(shop, later, "now")
        # Then the other copy takes that order alone
        eventually(lambda: shop.status(later) == "rejected")
        assert [shop.status(order) for order in first] == ["pending"] * 3
    # And each is rejected once
    shop["payment-service"].start()
    shop.assert_nothing_lost_nothing_doubled()


@on_pgmq
def test_a_release_that_overtakes_its_reservation_has_it_refused_when_it_comes(
    shop: FaultyShop, user: int
) -> None:
    # Given a request for credit that is set aside, while its order is rejected by the deadline
    with refusing(
        shop, "payment-service", "demo.reservations", f"user_id <> {user} or amount is null"
    ):
        order = shop.client.order(user, large=True)
        eventually(lambda: letters(shop, "payment-service") == 1)
        eventually(lambda: shop.status(order) == "rejected")
        # And its release, which has overtaken it
        eventually(lambda: reservation(shop, order) == "released")
    # When it is retried
    assert shop.retry_dead_letters("payment-service") == {"applied": 1, "failed": 0}
    # Then it is refused
    assert reservation(shop, order) == "refused"
    shop.assert_nothing_lost_nothing_doubled()


@on_pgmq
def test_an_answer_that_was_set_aside_and_is_retried_after_the_deadline_changes_nothing(
    shop: FaultyShop, user: int
) -> None:
    # Given the answer to a request for credit that is a dead letter, and the deadline has passed
    with refusing(
        shop, "order-service", "demo.orders", f"user_id <> {user} or status <> 'approved'"
    ):
        order = shop.client.order(user, large=True)
        eventually(lambda: letters(shop, "order-service") == 1)
        eventually(lambda: shop.status(order) == "rejected")
    # When it is retried
    assert shop.retry_dead_letters("order-service") == {"applied": 1, "failed": 0}
    # Then the order stays rejected, and its credit is given back
    shop.assert_nothing_lost_nothing_doubled()
    assert shop.status(order) == "rejected"


@on_pgmq
def test_a_clock_that_was_set_back_keeps_no_order_pending(shop: FaultyShop, user: int) -> None:
    # Given an order that waits for its credit, and a clock that is a day behind from then on: the
    # saga seems to have begun tomorrow
    shop["payment-service"].kill()
    order = shop.client.order(user, large=True)
    ahead = """
        update demo.order_sagas
        set began = began + interval '1 day', deadline = deadline + interval '1 day'
        where order_id = %s
    """
    shop.rows("order-service", ahead, order)
    # Then it is rejected all the same, once it has waited as long as it may
    eventually(lambda: shop.status(order) == "rejected")
    shop["payment-service"].start()
    shop.assert_nothing_lost_nothing_doubled()
