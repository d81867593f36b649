"""A command service that dies, or loses its database, at the worst moments of a command."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.faults.shop import FaultyShop, on_pgmq


@on_pgmq
@pytest.mark.parametrize(
    "committed", [False, True], ids=["before its commit", "after its commit and before the answer"]
)
def test_a_command_whose_service_is_killed_makes_one_order_when_it_is_retried(
    shop: FaultyShop, committed: bool
) -> None:
    # Given an order that is on its way to the database, or written there with the answer still to
    # come
    body = {
        "user_id": shop.users[0],
        "description": f"killed {uuid4()}",
        "amount": 9.99,
        "purchase_dt": "2025-04-03T10:00:00Z",
    }
    key = str(uuid4())
    moment = shop.to_database["order-service"].stop_at(
        body["description"].encode(), passing=committed
    )
    with ThreadPoolExecutor(1) as background:
        first = background.submit(shop.client.attempt, "order-service", "/orders", body, key)
        moment.wait()

        # When its service is killed, and started again
        shop["order-service"].kill()
        assert first.result()[0] is None
    shop.to_database["order-service"].flow()
    shop["order-service"].start()

    # Then the client's retry is answered, as a replay where there is one to be had
    status, answer = shop.client.attempt("order-service", "/orders", body, key)
    assert status == 201
    shop.promise(answer)
    # And there is one order, one event, one line
    assert (
        len(
            shop.rows(
                "order-service",
                "select id from demo.orders where description = %s",
                body["description"],
            )
        )
        == 1
    )
    shop.assert_nothing_lost_nothing_doubled()


@on_pgmq
def test_a_commit_whose_answer_is_lost_is_no_second_order_when_it_is_retried(
    shop: FaultyShop,
) -> None:
    # Given a commit that succeeds, and a connection that ends before the service hears of it
    with ThreadPoolExecutor(1) as background:
        moment = shop.to_database["order-service"].stop_at(b"order no. ", passing=True)
        order = background.submit(shop.client.order, shop.users[0])
        moment.wait()
        shop.to_database["order-service"].cut()

        # When the client tries again with its key
        order.result()

    # Then that made no second order
    assert shop.ledger.tries[1] < sum(shop.ledger.tries.values())
    shop.assert_nothing_lost_nothing_doubled()


@on_pgmq
def test_under_load_a_command_service_may_be_killed_again_and_again(shop: FaultyShop) -> None:
    # Given clients that retry with their keys
    with shop.load(rate=100):
        # When the services they talk to are killed, in the middle of whatever they do
        for name in ("order-service", "user-service", "order-service"):
            shop.after_orders(30)
            shop[name].restart()
        shop.after_orders(30)
    # Then
    shop.assert_nothing_lost_nothing_doubled()
