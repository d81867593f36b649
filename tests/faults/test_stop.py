"""Services that are told to stop, under load and at bad moments."""

import pytest

from cqrs_demo.tooling.hazards.wire import Wire
from tests.faults.queues import consumer_paused
from tests.faults.shop import DATABASE, FaultyShop, on_pgmq, on_rabbitmq
from tests.fixtures.shop import eventually

SOON = (
    7.0  # seconds: five are the promise to whoever orchestrates, the others are for a busy machine
)


@pytest.mark.parametrize("service", ["order-service", "invoice-service"])
def test_told_to_stop_under_load_a_service_ends_within_five_seconds_and_loses_nothing(
    shop: FaultyShop, service: str
) -> None:
    with shop.load(rate=150):
        shop.after_orders(40)
        assert shop[service].terminate(SOON) == 0
        shop[service].start()
        shop.after_orders(20)
    shop.assert_nothing_lost_nothing_doubled()


@pytest.mark.parametrize("service", ["order-service", "invoice-service"])
def test_told_to_stop_a_service_does_not_wait_for_a_broker_that_does_not_answer(
    shop: FaultyShop, service: str
) -> None:
    assert_stops_on_a_dead_line(shop, service, shop.to_broker[service])


@on_pgmq
@pytest.mark.parametrize("service", ["order-service", "invoice-service"])
def test_told_to_stop_a_service_does_not_wait_for_a_database_that_does_not_answer(
    shop: FaultyShop, service: str
) -> None:
    assert_stops_on_a_dead_line(shop, service, shop.to_database[service])


def assert_stops_on_a_dead_line(shop: FaultyShop, service: str, wire: Wire) -> None:
    with shop.load(rate=60):
        shop.after_orders(30)
        # Given a line that stands and on which nothing moves any more
        wire.stall()
        # When the service is told to stop in the middle of its work, then it does
        shop[service].terminate(SOON)
        wire.flow()
        shop[service].start()
        shop.after_orders(10)
    shop.assert_nothing_lost_nothing_doubled()


@on_pgmq
def test_told_to_stop_while_its_database_refuses_it_the_consumer_blames_no_message(
    shop: FaultyShop,
) -> None:
    # Given messages in hand, and an inbox that has no room
    with consumer_paused(shop):
        for user in shop.users:
            shop.client.order(user)
        eventually(lambda: shop.outbox() == 0)
        shop.rows("invoice-service", NO_ROOM)
    eventually(lambda: shop.unwell("invoice-service", "consumer"))
    # When the consumer is told to stop
    assert shop["invoice-service"].terminate(SOON) == 0
    # Then it has set nothing aside
    assert (
        shop.rows(
            "invoice-service", "select reason from demo.dead_letters where status = 'waiting'"
        )
        == []
    )
    shop.rows(
        "invoice-service",
        "drop trigger no_room on demo.processed_events; drop function demo.no_room",
    )
    shop["invoice-service"].start()
    shop.assert_nothing_lost_nothing_doubled()


NO_ROOM = """
create function demo.no_room() returns trigger language plpgsql
    as $$ begin raise exception 'disk full' using errcode = '53100'; end $$;
create trigger no_room before insert on demo.processed_events
    for each statement execute function demo.no_room()
"""


@on_rabbitmq
def test_a_rolling_restart_of_everything_fails_no_request_that_one_retry_would_not_save(
    shop: FaultyShop,
) -> None:
    # Given two copies of each service
    with (
        shop.and_another("user-service"),
        shop.and_another("order-service"),
        shop.and_another("invoice-service"),
    ):
        tries = shop.ledger.tries.copy()
        with shop.load(rate=100):
            # When each copy is restarted in its turn
            for name in DATABASE:
                for copy in shop.services[name]:
                    shop.after_orders(20)
                    assert copy.terminate(SOON) == 0
                    copy.start()
            shop.after_orders(20)
        # Then no command took more than one retry, which goes to the other copy
        assert max(shop.ledger.tries - tries) <= 2
        shop.assert_nothing_lost_nothing_doubled()
