"""The broker stops, freezes, never confirms, loses a queue, or takes nothing for want of room."""

import pytest

from cqrs_demo.tooling.runtime.rabbitmq_node import RabbitNode
from tests.faults.queues import Inside
from tests.faults.shop import FaultyShop, on_rabbitmq
from tests.fixtures.shop import eventually

AWAY = 6.0  # seconds of load: several attempts, with growing pauses between them


def test_while_the_broker_is_down_commands_succeed_and_afterwards_the_backlog_drains(
    shop: FaultyShop,
) -> None:
    with shop.load(rate=60):
        shop.after_orders(30)
        # When the broker goes away in the middle of a batch
        shop.broker.kill()
        try:
            tries = shop.ledger.tries.copy()
            shop.after_orders(int(AWAY * 40))
            # Then every command succeeds, at the first try, and its event waits
            assert shop.ledger.tries[1] - tries[1] > AWAY * 40
            assert shop.outbox() > 0
            assert [tries for tries in shop.ledger.tries if tries > 1] == [
                tries for tries in tries if tries > 1
            ]
            eventually(
                lambda: (
                    shop.unwell("order-service", "relay")
                    and shop.unwell("invoice-service", "consumer")
                )
            )
        finally:
            shop.broker.start()
        shop.after_orders(30)
    # And when it is back, everything comes through
    shop.assert_nothing_lost_nothing_doubled()


def test_a_broker_restarted_under_load_loses_and_doubles_nothing(shop: FaultyShop) -> None:
    with shop.load(rate=150):
        shop.after_orders(60)
        shop.broker.stop()
        shop.broker.start()
        shop.after_orders(60)
    shop.assert_nothing_lost_nothing_doubled()


@on_rabbitmq
def test_a_broker_that_freezes_past_its_heartbeat_hangs_nobody(shop: FaultyShop) -> None:
    with shop.load(rate=30):
        shop.after_orders(20)
        # When it freezes: connections stand, and nothing answers
        shop.broker.pause()
        try:
            # Then commands go on succeeding, and the services notice
            eventually(
                lambda: (
                    shop.unwell("order-service", "relay")
                    and shop.unwell("invoice-service", "consumer")
                ),
                seconds=60,
            )
            shop.after_orders(30)
        finally:
            shop.broker.resume()
        shop.after_orders(20)
    # And when it thaws, everything comes through
    shop.assert_nothing_lost_nothing_doubled()


def test_a_confirm_that_never_comes_is_not_waited_for_for_ever(shop: FaultyShop) -> None:
    # Given a relay whose broker takes an event and never confirms it, on a line that stays open
    moment = shop.to_broker["order-service"].stop_at(b"order no. ", passing=True)
    order = shop.client.order(shop.users[0])
    moment.wait()
    # When nothing is done about it
    # Then it gives up waiting, publishes again on a new line, and the event counts once
    eventually(lambda: shop.outbox() == 0, seconds=40)
    eventually(lambda: shop.lines(order) == 1)
    shop.assert_nothing_lost_nothing_doubled()


def test_an_acknowledgement_that_never_arrives_brings_a_duplicate_that_counts_for_nothing(
    shop: FaultyShop,
) -> None:
    # Given a consumer on lines that are cut again and again, with acknowledgements on them
    with shop.load(rate=100):
        for _ in range(5):
            shop.after_orders(20)
            shop.to_broker["invoice-service"].cut()
            shop.to_broker["order-service"].cut()
    shop.assert_nothing_lost_nothing_doubled()


@pytest.mark.parametrize("missing", ["binding", "queue"])
def test_a_deleted_binding_or_queue_is_made_again_and_the_event_waits_in_the_outbox(
    shop: FaultyShop, missing: str
) -> None:
    # Given a shop with nothing under way, without a consumer that would repair it
    shop.assert_nothing_lost_nothing_doubled()
    shop["invoice-service"].kill()
    inside = Inside(shop)
    # When the queue of the orders is taken away
    inside.unbind("order") if missing == "binding" else inside.delete_queue("order")
    order = shop.client.order(shop.users[0])
    # Then the relay makes it again, and the event is in it
    eventually(lambda: shop.outbox() == 0)
    shop["invoice-service"].start()
    eventually(lambda: shop.lines(order) == 1)
    shop.assert_nothing_lost_nothing_doubled()


def test_queues_deleted_under_a_waiting_consumer_are_made_again(shop: FaultyShop) -> None:
    shop.assert_nothing_lost_nothing_doubled()
    inside = Inside(shop)
    for queue in ("user", "account", "order"):
        inside.delete_queue(queue)
    with shop.load(rate=60):
        shop.after_orders(30)
    shop.assert_nothing_lost_nothing_doubled()


@on_rabbitmq  # PGMQ's room is PostgreSQL's, see test_database_away.py
def test_a_broker_without_room_holds_up_no_command_and_gets_its_events_later(
    shop: FaultyShop,
) -> None:
    assert isinstance(shop.broker, RabbitNode)
    with shop.load(rate=60):
        shop.after_orders(20)
        # When the broker raises its alarm: it blocks whoever publishes (connection.blocked)
        shop.broker.control("set_vm_memory_high_watermark", "absolute", "1")
        try:
            # Then commands go on succeeding, and their events wait
            eventually(lambda: shop.outbox() > 0)
            eventually(lambda: shop.unwell("order-service", "relay"), seconds=40)
            shop.after_orders(30)
        finally:
            shop.broker.control("set_vm_memory_high_watermark", "0.6")
        shop.after_orders(20)
    # And when it has room again, they come through
    shop.assert_nothing_lost_nothing_doubled()
