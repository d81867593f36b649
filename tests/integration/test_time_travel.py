"""Time travel: an invoice as of an instant is made of what had happened by then, and replay does
not change the past."""

import json
from datetime import datetime, timedelta
from typing import Any

from tests.fixtures.history import projected, run_replay
from tests.fixtures.shared_shop import fresh_email
from tests.fixtures.shop import Shop, eventually


def happened(shop: Shop, service: str, answer: Any) -> str:
    """The time of the event that announced what this answer made."""
    event_id = answer.headers["x-event-id"]
    lines = shop.get(service, "/events", limit=1_000_000).content.splitlines()
    return str(next(event["time"] for event in map(json.loads, lines) if event["id"] == event_id))


def just_before(time: str) -> str:
    return (datetime.fromisoformat(time) - timedelta(microseconds=1)).isoformat()


def test_an_invoice_as_of_an_instant_has_what_had_happened_by_then(shared_shop: Shop) -> None:
    # Given, one after the other: an order, its user's name, an address, a second order, a new
    # address
    shop = shared_shop
    user = shop.create_user(email=fresh_email())
    id, email = user.json()["id"], user.json()["email"]
    first = shop.place_order(id, 50, "2025-04-03T10:00:00Z", "Widget")
    address = shop.create_account(id)
    second = shop.place_order(id, 7.25, "2025-04-01T10:00:00Z", "Gadget")
    moved = shop.create_account(id, city="Newtown")
    projected(shop, user, first, address, second, moved)

    at_first, at_second = (
        happened(shop, "order-service", first),
        happened(shop, "order-service", second),
    )
    at_address, at_move = (
        happened(shop, "user-service", address),
        happened(shop, "user-service", moved),
    )

    def story() -> list[Any]:
        return [
            (
                answer.status_code,
                answer.json().get("email"),
                answer.json().get("shipping_address"),
                answer.json().get("total"),
            )
            for as_of in (
                just_before(at_first),
                at_first,
                at_address,
                just_before(at_second),
                at_second,
                just_before(at_move),
                at_move,
            )
            for answer in [shop.invoice(id, as_of=as_of)]
        ]

    # When it is asked for as of each of these instants, then it tells the story
    old, new = "123 Main St, Cityville, ST 12345", "123 Main St, Newtown, ST 12345"
    told = story()
    assert told == [
        (404, None, None, None),
        (200, email, None, 50.00),
        (200, email, old, 50.00),
        (200, email, old, 50.00),
        (200, email, old, 57.25),
        (200, email, old, 57.25),
        (200, email, new, 57.25),
    ]

    # And the last is the invoice as it is, to the letter; and a replay changes nothing of the past
    assert shop.invoice(id, as_of=at_move).text == shop.invoice(id).text
    run_replay(shop)
    assert story() == told


def test_an_instant_needs_a_date_and_an_offset(shared_shop: Shop) -> None:
    # When the instant is none, then the request is refused and says which field
    answer = shared_shop.invoice(1, as_of="2025-04-10")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "as_of")


def test_a_line_is_there_from_its_approval_to_its_cancellation(shared_shop: Shop) -> None:
    # Given an order that waited for its credit, was approved, and then cancelled
    shop = shared_shop
    id = shop.create_user(email=fresh_email()).json()["id"]
    order = shop.place_order(id, 1200)
    eventually(lambda: shop.invoice(id).status_code == 200)
    cancelled = shop.post("order-service", f"/orders/{order.json()['id']}/cancel", {})
    projected(shop, order, cancelled)

    placed, ended = (
        happened(shop, "order-service", order),
        happened(shop, "order-service", cancelled),
    )
    path = f"/invoices/{shop.invoice(id).json()['invoice_id']}/moments"
    moments = shop.get("invoice-service", path).json()
    approved = moments[0]["happened_at"]
    assert [(moment["happened_at"], moment["orders"]) for moment in moments] == [
        (approved, 1),
        (ended, 0),
    ]

    def story() -> list[Any]:
        return [
            (answer.status_code, answer.json().get("orders") and 1, answer.json().get("total"))
            for as_of in (placed, just_before(approved), approved, just_before(ended), ended)
            for answer in [shop.invoice(id, as_of=as_of)]
        ]

    # When it is asked for as of each of these instants, then the line comes and goes
    told = story()
    assert told == [
        (404, None, None),
        (404, None, None),
        (200, 1, 1200.00),
        (200, 1, 1200.00),
        (200, [], 0.00),
    ]
    # And the last is the invoice as it is; and a replay changes nothing of the past
    assert shop.invoice(id, as_of=ended).text == shop.invoice(id).text
    run_replay(shop)
    assert story() == told
