"""The journey of a command: relay and consumer remember when an event passed them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from cqrs_demo.messaging.broker import Message
from cqrs_demo.tooling.controls.gate import HANDLED, Gate
from cqrs_demo.tooling.controls.passages import REMEMBERED, Passages
from cqrs_demo.tooling.workshop.broker import SyncBroker
from tests.fixtures.answers import assert_problem
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


def test_what_passed_lately_is_told_in_one_call_that_goes_on_where_it_was(shop: Shop) -> None:
    # Given two orders on their invoice, and whoever asked after the first
    first = project(shop)
    before = told(shop, "order-service", "relay")
    second = project(shop)

    # When relay and consumer are asked, then each order has its times, in causal order
    ways = told(shop, "invoice-service", "consumer")["passages"]
    assert [(row["event_id"], row["what"]) for row in ways if row["event_id"] == first] == [
        (first, "received"),
        (first, "projected"),
    ]
    times = [datetime.fromisoformat(row["at"]) for row in ways]
    assert times == sorted(times)
    projected = datetime.fromisoformat(ways[1]["projected_at"])
    assert times[0] < projected < times[1]

    # And who asks on gets what came since, once
    after = told(shop, "order-service", "relay", after=before["last"])
    assert [row["event_id"] for row in after["passages"]] == [second]
    assert after["missed"] == 0
    assert after["began"] == before["began"]
    again = told(shop, "order-service", "relay", after=after["last"])
    assert (again["passages"], again["last"]) == ([], after["last"])

    # And with a limit the newest, and how many were left out
    newest = told(shop, "order-service", "relay", limit=1)
    assert ([row["event_id"] for row in newest["passages"]], newest["missed"]) == ([second], 1)


def test_a_duplicate_is_told_from_an_event_that_counts(shop: Shop) -> None:
    # Given an order on its invoice, when its event comes once more
    event = project(shop)
    body = shop.get("order-service", f"/events/{event}").content
    with SyncBroker(shop.broker_url) as broker:
        broker.publish(Message("order.created", event, body))

    # Then it is received again, and becomes a duplicate
    def became() -> list[str]:
        rows = told(shop, "invoice-service", "consumer")["passages"]
        return [row["what"] for row in rows if row["event_id"] == event]

    eventually(lambda: became() == ["received", "projected", "received", "duplicate"], says=became)


def test_an_event_that_cannot_be_applied_is_told_as_such(shop: Shop) -> None:
    # Given an event of a type that nobody knows
    event = str(uuid4())
    body = shop.get("order-service", f"/events/{project(shop)}").json()
    body |= {"id": event, "type": "order.forgotten"}
    with SyncBroker(shop.broker_url) as broker:
        broker.publish(Message("order.forgotten", event, orjson.dumps(body)))

    # When the consumer is done with it, then the passages say that it was not applied
    def became() -> list[str]:
        rows = told(shop, "invoice-service", "consumer")["passages"]
        return [row["what"] for row in rows if row["event_id"] == event]

    eventually(lambda: became()[-1:] == ["not-applied"], says=became)


@pytest.mark.parametrize("query", [{"after": -1}, {"after": "x"}, {"limit": 0}, {"limit": 5_001}])
def test_a_question_that_is_none_is_refused(shared_shop: Shop, query: dict[str, Any]) -> None:
    answer = shared_shop.get("order-service", "/relay/passages", **query)
    assert_problem(answer, 422, "invalid-request")


def test_who_asks_too_late_learns_how_much_was_missed() -> None:
    # Given more passages than are remembered
    passages = Passages()
    start = passages.after(0, 1).last
    for place in range(2 * REMEMBERED):
        passages.note([UUID(int=place)])

    # When everything is asked for, then the newest are told, and the rest is counted
    recent = passages.after(start, REMEMBERED)
    assert [one.event_id.int for one in recent.passages] == list(range(REMEMBERED, 2 * REMEMBERED))
    assert recent.missed == REMEMBERED

    # And who comes with a position of an earlier process misses nothing of this one
    assert passages.after(start - 1_000, 1).missed == 2 * REMEMBERED - 1


def test_a_batch_that_is_tried_again_is_one_hand() -> None:
    # Given a batch that is seen twice before it is done with
    gate = Gate("received", HANDLED)
    gate.seen([UUID(int=1)])
    gate.seen([UUID(int=1)])
    gate.moved(1)

    # Then the end knows when it came first: what was counted since then was counted by this hand
    first, again, done = gate.passages.after(0, 10).passages
    assert (again.what, done.what, done.since) == ("received", HANDLED, first.at)


def project(shop: Shop) -> str:
    """An order that has reached its invoice; its event's id."""
    event: str = shop.place_order(1).headers["x-event-id"]
    assert shop.invoice(1, after_event=event, wait=10).status_code == 200
    eventually(
        lambda: any(
            (row["event_id"], row["what"]) == (event, "projected")
            for row in told(shop, "invoice-service", "consumer")["passages"]
        )
    )
    return event


def told(shop: Shop, service: str, loop: str, **query: Any) -> dict[str, Any]:
    answer = shop.get(service, f"/{loop}/passages", **query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found
