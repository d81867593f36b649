"""What is on the way can be told by counting on both sides."""

import time
from collections.abc import Iterator

import pytest

from tests.fixtures.answers import assert_problem
from tests.fixtures.shop import Shop, eventually

SET_ASIDE = """
insert into demo.dead_letters (digest, queue, event_id, event_type, reason, error, body)
values (%s::bytea, 'order', %s, 'order.created', 'it was dark', 'stack', '')
"""


@pytest.fixture
def held_back(shared_shop: Shop) -> Iterator[Shop]:
    """The shared shop with order-service's relay paused, so that what is ordered stays there."""
    shared_shop.put("order-service", "/relay", {"mode": "paused"})
    yield shared_shop
    shared_shop.put("order-service", "/relay", {"mode": "running"})


def born(shop: Shop, service: str, since: int, width: int = 1, **of: str) -> dict[int, int]:
    return dict(shop.get(service, "/counts", since=since, width=width, **of).json()["born"])


def test_events_on_the_way_are_the_difference_of_both_sides(held_back: Shop) -> None:
    # Given two orders that do not leave order-service, in a second of their own
    before = int(time.time()) + 1
    eventually(lambda: time.time() >= before)
    events = [held_back.place_order(888_020).headers["x-event-id"] for _ in range(2)]

    # Then the log has two more than invoice-service is done with, since then
    assert sum(born(held_back, "order-service", before).values()) == 2
    assert born(held_back, "invoice-service", before) == {}

    # When one of them is set aside as a dead letter, then nobody waits for it
    held_back.databases.rows("invoice_service", SET_ASIDE, events[0].encode(), events[0])
    assert sum(born(held_back, "invoice-service", before).values()) == 1
    held_back.databases.rows("invoice_service", "delete from demo.dead_letters")

    # And when the relay goes on, both sides have the same events in the same seconds
    held_back.put("order-service", "/relay", {"mode": "running"})
    eventually(
        lambda: (
            born(held_back, "order-service", before) == born(held_back, "invoice-service", before)
        )
    )


def test_what_nobody_subscribes_to_is_not_on_the_way(shared_shop: Shop) -> None:
    before = born(shared_shop, "payment-service", 0)
    assert shared_shop.put("payment-service", "/credits/888022", {"limit": 10}).status_code == 200
    assert born(shared_shop, "payment-service", 0) == before


def test_a_saga_is_settled_once_each_event_is_in_the_inbox_of_its_subscriber(
    shared_shop: Shop,
) -> None:
    # Given an order that needs credit
    before = int(time.time())
    shared_shop.place_order(888_023, 1200)

    def both_sides() -> tuple[int, int]:
        """Events of the story in the two logs, and in the three inboxes."""
        logs = [born(shared_shop, f"{name}-service", before) for name in ("order", "payment")]
        inboxes = [
            born(shared_shop, f"{name}-service", before, of="inbox")
            for name in ("order", "payment", "invoice")
        ]
        sides = [sum(sum(one.values()) for one in side) for side in (logs, inboxes)]
        return sides[0], sides[1]

    # Then its four events are counted by both sides in the end
    def settled() -> bool:
        logs, inboxes = both_sides()
        return logs == inboxes >= 4

    eventually(settled, says=both_sides)


def test_the_count_of_a_log_is_the_number_of_its_events(shared_shop: Shop) -> None:
    # Given positions that were taken and never used: a log whose end is not the number of events
    for _ in range(3):
        assert shared_shop.create_user("Alice", "taken-twice@demo.com").status_code in (201, 409)

        # Then the count is what the table says, each time it is asked
        [(rows,)] = shared_shop.databases.rows("user_service", "select count(*) from demo.events")
        assert shared_shop.get("user-service", "/counts").json()["count"] == rows


def test_seconds_can_be_counted_together(shared_shop: Shop) -> None:
    shared_shop.place_order(888_021)
    hours = born(shared_shop, "order-service", 0, 3600)
    [(rows,)] = shared_shop.databases.rows("order_service", "select count(*) from demo.events")
    assert sum(hours.values()) == rows
    assert all(hour % 3600 == 0 for hour in hours)


@pytest.mark.parametrize("query", [{"since": -1}, {"since": 10**12}, {"width": 0}, {"width": "x"}])
def test_a_span_that_is_none_is_refused(shared_shop: Shop, query: dict[str, object]) -> None:
    answer = shared_shop.get("order-service", "/counts", **query)
    assert_problem(answer, 422, "invalid-request")
