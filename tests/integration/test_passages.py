"""The journey of a command: relay and consumer remember when an event passed them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cqrs_demo.tooling.workshop.passages import REMEMBERED, Passages
from tests.fixtures.shop import Shop, eventually


def test_an_events_journey_can_be_told_hop_by_hop(shop: Shop) -> None:
    # Given an order that has reached its invoice
    before = datetime.now(UTC)
    event = shop.place_order(1).headers["x-event-id"]
    assert shop.invoice(1, after_event=event, wait=10).status_code == 200

    # When relay and consumer are asked when it passed
    published = shop.get("order-service", f"/relay/passages/{event}")
    received = shop.get("invoice-service", f"/consumer/passages/{event}")

    # Then both know, and both times lie between the click and now
    for passage in (published, received):
        assert before < datetime.fromisoformat(passage.json()["at"]) < datetime.now(UTC)


def test_no_event_is_received_before_it_is_published(shared_shop: Shop) -> None:
    # Given orders, many at a time
    def place(_: int) -> str:
        event: str = shared_shop.place_order(888_010).headers["x-event-id"]
        return event

    with ThreadPoolExecutor(16) as pool:
        events = list(pool.map(place, range(300)))

    # When relay and consumer are asked when each of them passed
    times = [
        (
            when_passed(shared_shop, "order-service", "relay", event),
            when_passed(shared_shop, "invoice-service", "consumer", event),
        )
        for event in events
    ]

    # Then the relay's time comes first: it is when it sent the event, and not when it heard that
    # the broker has it
    assert [received - published for published, received in times if received < published] == []


def when_passed(shop: Shop, service: str, point: str, event: str) -> datetime:
    path = f"/{point}/passages/{event}"
    eventually(lambda: shop.get(service, path).status_code == 200)
    return datetime.fromisoformat(shop.get(service, path).json()["at"])


def test_an_event_that_did_not_pass_has_no_passage(shop: Shop) -> None:
    # Given a relay that is paused
    shop.put("order-service", "/relay", {"mode": "paused"})

    # When an order is placed
    event = shop.place_order(1).headers["x-event-id"]

    # Then its event has not passed
    assert shop.get("order-service", f"/relay/passages/{event}").status_code == 404


def test_only_the_newest_passages_are_remembered() -> None:
    # Given batches of a hundred, one a second
    start, passages = datetime(2025, 1, 1, tzinfo=UTC), Passages()
    for batch in range(100):
        passages.note(
            [UUID(int=100 * batch + place) for place in range(100)],
            start + timedelta(seconds=batch),
        )

    # Then the newest are known by their first time, and what is older than that many is forgotten
    passages.note([UUID(int=9_999)])
    assert passages.first(UUID(int=9_999)) == start + timedelta(seconds=99)
    assert passages.first(UUID(int=10_000 - REMEMBERED)) == start + timedelta(
        seconds=100 - REMEMBERED // 100
    )
    assert passages.first(UUID(int=10_000 - REMEMBERED - 200)) is None
