"""Lists, searches and sums over HTTP: what the dashboard shows, and anybody else may ask."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from cqrs_demo.exact_json import loads
from tests.fixtures.answers import assert_problem
from tests.fixtures.shared_shop import fresh_email
from tests.fixtures.shop import Shop


@pytest.fixture
def alice(shared_shop: Shop) -> dict[str, Any]:
    """A user with two orders in April and one in May, projected."""
    user: dict[str, Any] = shared_shop.create_user(f"Alice {uuid4().hex}", fresh_email()).json()
    shared_shop.create_account(user["id"])
    for amount, when in ((50, "2025-04-03"), (25.5, "2025-04-05"), (7.25, "2025-05-01")):
        order = shared_shop.place_order(user["id"], amount, f"{when}T10:00:00Z")
    event = order.headers["x-event-id"]
    assert shared_shop.invoice(user["id"], 5, after_event=event, wait=15).status_code == 200
    return {**user, "event": event}


def search(shop: Shop, **wanted: Any) -> Any:
    answer = shop.get("invoice-service", "/search/invoices", **wanted)
    assert answer.status_code == 200, answer.text
    return loads(answer.content)


def test_invoices_are_found_by_name_email_and_id_the_newest_month_first(
    shared_shop: Shop, alice: dict[str, Any]
) -> None:
    # When her invoices are looked for by a part of her name, her email and her id
    for words in (alice["name"][3:].upper(), alice["email"], str(alice["id"])):
        found = search(shared_shop, words=words)

        # Then both months are there, the newest first, with exact totals
        assert [(row["invoice_dt"][:7], row["total"]) for row in found] == [
            ("2025-05", Decimal("7.25")),
            ("2025-04", Decimal("75.50")),
        ]
        assert {row["name"] for row in found} == {alice["name"]}
        assert {row["email"] for row in found} == {alice["email"]}


def test_a_search_is_narrowed_to_a_year_and_a_month_and_comes_in_pages(
    shared_shop: Shop, alice: dict[str, Any]
) -> None:
    def months(**wanted: Any) -> list[str]:
        return [row["invoice_dt"][:7] for row in search(shared_shop, user_id=alice["id"], **wanted)]

    assert months(month=4) == ["2025-04"]
    assert months(year=2025, month=5) == ["2025-05"]
    assert months(year=2024) == []
    assert months(limit=1) == ["2025-05"]
    assert months(limit=1, offset=1) == ["2025-04"]


def test_percent_and_underscore_are_characters_like_others(
    shared_shop: Shop, alice: dict[str, Any]
) -> None:
    assert search(shared_shop, words="%") == []
    assert search(shared_shop, words="_" * 10) == []


def test_the_moments_of_an_invoice_are_those_at_which_its_orders_were_placed(
    shared_shop: Shop, alice: dict[str, Any]
) -> None:
    # Given her invoice for April
    invoice = shared_shop.invoice(alice["id"]).json()
    path = f"/invoices/{invoice['invoice_id']}/moments"

    # When its moments are asked for
    first, second = shared_shop.get("invoice-service", path).json()

    # Then they are in order, can be asked for in pages, and are what as_of tells apart
    assert first["happened_at"] < second["happened_at"]
    later = shared_shop.get("invoice-service", path, after=first["happened_at"]).json()
    assert later == [second]
    then = shared_shop.invoice(alice["id"], as_of=first["happened_at"]).json()
    assert len(then["orders"]) == first["orders"] == 1
    assert shared_shop.get("invoice-service", f"/invoices/{uuid4()}/moments").json() == []


def test_a_new_address_is_a_moment_of_an_invoice_that_is_there(
    shared_shop: Shop, alice: dict[str, Any]
) -> None:
    # Given her invoice for April, with the moments of its orders
    invoice = shared_shop.invoice(alice["id"]).json()
    path = f"/invoices/{invoice['invoice_id']}/moments"
    before = shared_shop.get("invoice-service", path).json()

    # When she moves
    event = shared_shop.create_account(alice["id"], city="Newtown").headers["x-event-id"]
    shared_shop.invoice(alice["id"], after_event=event, wait=10)

    # Then there is one moment more, with no order in it, that as_of tells apart
    *earlier, moved = shared_shop.get("invoice-service", path).json()
    assert earlier == before
    assert moved["orders"] == 0
    then, now = (
        shared_shop.invoice(alice["id"], as_of=moment["happened_at"]).json()["shipping_address"]
        for moment in (before[-1], moved)
    )
    assert "Newtown" not in then
    assert "Newtown" in now


def test_the_sums_of_both_sides_grow_by_what_was_ordered(
    shared_shop: Shop, alice: dict[str, Any]
) -> None:
    # Given the sums before
    def sums(service: str) -> Any:
        return loads(shared_shop.get(service, "/statistics").content)

    services = ("order-service", "invoice-service")
    before = [sums(service) for service in services]

    # When an order is placed and projected
    order = shared_shop.place_order(alice["id"], 12.34, "1999-12-31T00:00:00Z")
    event = order.headers["x-event-id"]
    shared_shop.invoice(alice["id"], 12, 1999, after_event=event, wait=15)

    # Then both have grown by it
    after = [sums(service) for service in services]
    assert [now["orders"] - then["orders"] for now, then in zip(after, before, strict=True)] == [
        1,
        1,
    ]
    assert {now["amount"] - then["amount"] for now, then in zip(after, before, strict=True)} == {
        Decimal("12.34")
    }
    assert after[1]["first_month"] <= "1999-12-01T00:00:00Z"
    assert after[1]["last_month"] >= "2025-05-01T00:00:00Z"


def test_an_event_is_found_by_its_id_in_its_log_and_in_the_inbox(
    shared_shop: Shop, alice: dict[str, Any]
) -> None:
    # When the event of her last order is asked for
    event = shared_shop.get("order-service", f"/events/{alice['event']}")

    # Then it is the line that the feed has
    assert event.headers["content-type"] == "application/cloudevents+json"
    assert event.json()["data"]["user_id"] == alice["id"]
    after = int(event.json()["sequence"]) - 1
    feed = shared_shop.get("order-service", "/events", after=after, limit=1)
    assert feed.text.strip() == event.text

    # And the inbox says since when it is projected, and says nothing of what it never saw
    ids = [alice["event"], str(uuid4())]
    [projected] = shared_shop.get("invoice-service", "/inbox", event_id=ids).json()
    assert projected["event_id"] == alice["event"]
    assert projected["projected_at"] > event.json()["time"]

    # And no other log has it
    assert_problem(shared_shop.get("user-service", f"/events/{alice['event']}"), 404, "not-found")


def test_users_and_their_accounts_come_in_pages_the_newest_first(
    shared_shop: Shop, alice: dict[str, Any]
) -> None:
    # Given a second address, and a second user
    moved = shared_shop.create_account(alice["id"], address1="7 New Road").json()
    bob = shared_shop.create_user("Bob", fresh_email()).json()

    # When users and accounts are asked for, then the newest come first, and a page has an end
    assert shared_shop.get("user-service", "/users", limit=1).json() == [bob]
    page = shared_shop.get("user-service", "/users", before=bob["id"], limit=1).json()
    assert [user["id"] for user in page] == [alice["id"]]
    path = f"/users/{alice['id']}/accounts"
    addresses = [row["address1"] for row in shared_shop.get("user-service", path).json()]
    assert addresses == ["7 New Road", "123 Main St"]
    assert shared_shop.get("user-service", path, before=moved["id"], limit=1).json() != []


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("user-service", "/users?limit=501"),
        ("user-service", "/users?before=0"),
        ("user-service", "/users/1/accounts?limit=x"),
        ("order-service", "/events/not-an-id"),
        ("invoice-service", "/search/invoices?month=13"),
        ("invoice-service", "/search/invoices?words=%00"),
        ("invoice-service", "/search/invoices?offset=-1"),
        ("invoice-service", f"/invoices/{UUID(int=1)}/moments?after=yesterday"),
        ("invoice-service", "/inbox"),
        ("invoice-service", "/inbox?" + "&".join(f"event_id={UUID(int=n)}" for n in range(101))),
    ],
)
def test_what_makes_no_sense_is_refused(shared_shop: Shop, service: str, path: str) -> None:
    refused = shared_shop.client.get(shared_shop.urls[service] + path)
    assert_problem(refused, 422, "invalid-request")
