"""The thread through everything: which request and which schema an event belongs to, from HTTP to
the invoice."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.fixtures.shop import Shop, eventually

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NO_TRACE = {
    "nothing": "",
    "words": "hello",
    "a forbidden version": "ff" + TRACE[2:],
    "no trace": "00-" + "0" * 32 + TRACE[35:],
    "capitals": TRACE.upper(),
    "too long": TRACE + "-00",
}


def event(shop: Shop, service: str, answer: Any) -> dict[str, Any]:
    """The event of a command's answer, as the feed tells it."""
    told = shop.get(service, f"/events/{answer.headers['X-Event-Id']}")
    return dict(json.loads(told.content))


def story(shop: Shop, correlation: str) -> list[dict[str, Any]]:
    """All events of a story, of both services that write them."""
    return [
        json.loads(line)
        for service in ("order-service", "payment-service")
        for line in shop.get(service, "/events", correlation=correlation).content.splitlines()
    ]


def anybody() -> int:
    """A user nobody else orders for."""
    return uuid4().int % 10**9 + 10**10


def test_every_command_takes_its_trace_over_and_tells_its_schema(shared_shop: Shop) -> None:
    # Given a request of each kind that belongs to a trace
    post, url = shared_shop.post, shared_shop.urls["payment-service"]
    body = {"name": "Ada", "email": f"{uuid4().hex}@demo.com"}
    user = post("user-service", "/users", body, traceparent=TRACE)
    id = user.json()["id"]
    address = {"address1": "1 Main St", "city": "C", "state": "ST", "zip": "12345"}
    account = post("user-service", "/accounts", {"user_id": id, **address}, traceparent=TRACE)
    order = post(
        "order-service",
        "/orders",
        {"user_id": id, "description": "W", "amount": 5},
        traceparent=TRACE,
    )
    cancel = post("order-service", f"/orders/{order.json()['id']}/cancel", {}, traceparent=TRACE)
    limit = shared_shop.client.put(
        f"{url}/credits/{id}", json={"limit": 9000}, headers={"traceparent": TRACE}
    )
    # Then their events have it, and say which version their data are of
    told = [
        event(shared_shop, service, answer)
        for service, answer in (
            ("user-service", user),
            ("user-service", account),
            ("order-service", order),
            ("order-service", cancel),
            ("payment-service", limit),
        )
    ]
    assert {one["traceparent"] for one in told} == {TRACE}
    assert [one["dataschema"] for one in told] == [
        "cqrs-demo:user.created/1",
        "cqrs-demo:account.created/1",
        "cqrs-demo:order.created/2",
        "cqrs-demo:order.cancelled/1",
        "cqrs-demo:credit.limited/1",
    ]


@pytest.mark.parametrize("trace", NO_TRACE.values(), ids=NO_TRACE)
def test_a_trace_that_is_none_is_left_out_and_the_command_is_carried_out(
    shared_shop: Shop, trace: str
) -> None:
    order = {"user_id": anybody(), "description": "W", "amount": 5}
    answer = shared_shop.post("order-service", "/orders", order, traceparent=trace)
    assert answer.status_code == 201
    assert "traceparent" not in event(shared_shop, "order-service", answer)


def test_a_retry_under_another_trace_is_the_same_request(shared_shop: Shop) -> None:
    # Given a request, and its retry, which is another span of its client
    order, key = {"user_id": anybody(), "description": "W", "amount": 5}, uuid4().hex
    first, again = (
        shared_shop.post(
            "order-service",
            "/orders",
            order,
            **{"traceparent": trace, "Idempotency-Key": key},
        )
        for trace in (TRACE, TRACE.replace("b7ad", "c7ad"))
    )
    # Then the first answer comes again
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.json() == again.json()
    assert event(shared_shop, "order-service", again)["traceparent"] == TRACE


def test_a_saga_carries_the_trace_of_the_request_that_began_it(shared_shop: Shop) -> None:
    # Given an order that needs credit, placed and then cancelled by requests of two traces
    order = {"user_id": anybody(), "description": "A bicycle", "amount": 1500}
    placed = shared_shop.post("order-service", "/orders", order, traceparent=TRACE)
    path, correlation = f"/orders/{placed.json()['id']}", placed.headers["X-Event-Id"]
    eventually(
        lambda: shared_shop.get("order-service", path).json()["status"] == "approved",
        says=lambda: shared_shop.get("order-service", path).json(),
    )
    other = TRACE.replace("0af7", "1af7")
    shared_shop.post("order-service", f"{path}/cancel", {}, traceparent=other)
    # Then what follows from the one has its trace, across services, and so has the other
    eventually(lambda: len(story(shared_shop, correlation)) == 7)
    assert {one["type"]: one["traceparent"] for one in story(shared_shop, correlation)} == {
        "order.created": TRACE,
        "reservation.requested": TRACE,
        "payment.reserved": TRACE,
        "order.approved": TRACE,
        "order.cancelled": other,
        "reservation.release_requested": other,
        "payment.released": other,
    }
