"""The queries over HTTP: invoices by month, by id and in pages; reading one's own writes."""

import json
from datetime import datetime
from uuid import UUID, uuid4

import httpx
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from cqrs_demo.contract.codec import decode
from cqrs_demo.contract.events import (
    AccountCreated,
    OrderCancelled,
    OrderCreated,
    UserCreated,
)
from tests.fixtures.answers import assert_problem
from tests.fixtures.shared_shop import fresh_email
from tests.fixtures.shop import Shop


@pytest.fixture
def user_id(shared_shop: Shop) -> int:
    return int(shared_shop.create_user("Alice", fresh_email()).json()["id"])


def projected(shop: Shop, order: httpx.Response) -> httpx.Response:
    """The order, once the read model has it."""
    assert order.status_code == 201, order.text
    shop.invoice(1, after_event=order.headers["x-event-id"], wait=15)
    return order


def test_orders_of_april_and_may_are_on_two_invoices(shared_shop: Shop, user_id: int) -> None:
    # Given two orders in April and one in May, by UTC
    shared_shop.place_order(user_id, 10, "2025-04-01T00:00:00Z", "first of April")
    shared_shop.place_order(user_id, 20.5, "2025-04-30T23:59:59.999999Z", "last of April")
    projected(
        shared_shop, shared_shop.place_order(user_id, 40, "2025-05-01T00:00:00Z", "first of May")
    )

    # When the invoices are asked for
    april, may = (shared_shop.invoice(user_id, month).json() for month in (4, 5))

    # Then each has its own orders, its total and the first instant of its month
    assert [line["description"] for line in april["orders"]] == ["first of April", "last of April"]
    assert [line["description"] for line in may["orders"]] == ["first of May"]
    assert (april["invoice_dt"], april["total"]) == ("2025-04-01T00:00:00Z", 30.5)
    assert (may["invoice_dt"], may["total"]) == ("2025-05-01T00:00:00Z", 40.0)
    assert april["invoice_id"] != may["invoice_id"]


@pytest.mark.parametrize(
    ("when", "year", "month"),
    [
        ("2025-03-31T23:59:59-05:00", 2025, 4),
        ("2025-04-01T00:00:00+14:00", 2025, 3),
        ("2024-12-31T23:59:59-00:01", 2025, 1),
        ("2024-02-29T12:00:00Z", 2024, 2),
        ("2024-02-29T23:59:59-12:00", 2024, 3),
        ("0001-01-01T00:00:00Z", 1, 1),
        ("9999-12-31T23:59:59.999999Z", 9999, 12),
    ],
)
def test_the_month_of_an_order_is_its_month_in_utc(
    shared_shop: Shop, user_id: int, when: str, year: int, month: int
) -> None:
    projected(shared_shop, shared_shop.place_order(user_id, 7, when))
    [invoice] = shared_shop.get("invoice-service", f"/users/{user_id}/invoices").json()
    assert invoice["invoice_dt"] == f"{year:04}-{month:02}-01T00:00:00Z"
    assert shared_shop.invoice(user_id, month, year).json() == invoice


def test_orders_are_sorted_by_date_and_then_by_order_id(shared_shop: Shop, user_id: int) -> None:
    # Given orders placed out of their order, two of them at the same instant
    placed = [(9, "noon"), (3, "dawn"), (9, "noon too"), (1, "first"), (9, "noon as well")]
    for day, what in placed:
        order = shared_shop.place_order(user_id, 1, f"2025-04-{day:02}T12:00:00Z", what)
    projected(shared_shop, order)

    # Then the invoice has them by date, those of one instant as they were placed
    lines = shared_shop.invoice(user_id).json()["orders"]
    assert [line["description"] for line in lines] == [
        "first",
        "dawn",
        "noon",
        "noon too",
        "noon as well",
    ]
    assert all(list(line) == ["description", "amount", "purchase_dt"] for line in lines)


def test_an_invoice_has_the_keys_types_and_decimals_of_the_contract(
    shared_shop: Shop, user_id: int
) -> None:
    # Given a user with an account and an order of a whole amount
    account = shared_shop.create_account(user_id)
    projected(shared_shop, shared_shop.place_order(user_id, 50))

    # When the invoice is asked for by month, once the account is known too
    answer = shared_shop.invoice(user_id, after_event=account.headers["x-event-id"], wait=15)

    # Then it has the keys of the contract, amounts with two decimals, and the id by which it can be
    # had, too
    assert answer.headers["content-type"] == "application/json"
    invoice = answer.json()
    assert list(invoice) == [
        "invoice_id",
        "user_id",
        "email",
        "shipping_address",
        "invoice_dt",
        "orders",
        "total",
    ]
    assert UUID(invoice["invoice_id"]).version == 5
    assert '"amount":50.00' in answer.text
    assert answer.text.endswith('"total":50.00}')
    assert (
        shared_shop.get("invoice-service", f"/invoices/{invoice['invoice_id']}").text == answer.text
    )


def test_an_invoice_of_an_unknown_user_waits_with_nulls(shared_shop: Shop) -> None:
    projected(shared_shop, shared_shop.place_order(555_000_111))
    invoice = shared_shop.invoice(555_000_111).json()
    assert (invoice["email"], invoice["shipping_address"]) == (None, None)


def test_a_month_without_orders_is_a_404_and_so_is_an_unknown_invoice(
    shared_shop: Shop, user_id: int
) -> None:
    assert_problem(shared_shop.invoice(user_id, 6), 404, "not-found")
    assert_problem(shared_shop.get("invoice-service", f"/invoices/{uuid4()}"), 404, "not-found")


@pytest.mark.parametrize(
    "query",
    [
        *({"month": month} for month in ("0", "13", "-1", "1.0", "4 ", "April", "")),
        *({"year": year} for year in ("0", "10000", "-2025", "2025.0", "MMXXV")),
        *({"user_id": user} for user in ("0", "-1", "9223372036854775808", "1e3", "true")),
        *({"wait": wait} for wait in ("-1", "31", "nan", "inf", "x")),
        {"after_event": "not-a-uuid"},
        {"month": None},
    ],
)
def test_a_query_with_an_impossible_value_is_refused(
    shared_shop: Shop, query: dict[str, str | None]
) -> None:
    sent = {"user_id": "1", "month": "4", "year": "2025", **query}
    answer = shared_shop.get(
        "invoice-service",
        "/invoices",
        **{name: value for name, value in sent.items() if value is not None},
    )
    assert_problem(answer, 422, "invalid-request")
    assert answer.json()["errors"][0]["field"] in query


def test_pages_go_from_the_newest_month_back_without_a_gap(shared_shop: Shop, user_id: int) -> None:
    # Given a user with invoices of five months
    months = ["2025-05", "2025-04", "2024-12", "2024-02", "0999-01"]
    for month in months:
        order = shared_shop.place_order(user_id, 1, f"{month}-15T00:00:00Z")
    projected(shared_shop, order)

    # When they are read in pages of two
    seen: list[str] = []
    query: dict[str, str] = {}
    while page := shared_shop.get(
        "invoice-service", f"/users/{user_id}/invoices", limit=2, **query
    ).json():
        assert len(page) <= 2
        seen += [invoice["invoice_dt"] for invoice in page]
        query = {"before": seen[-1]}

    # Then each came once, newest first
    assert seen == [f"{month}-01T00:00:00Z" for month in months]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": "x"},
        {"before": "2025-04-01"},
        {"before": "1743465600"},
    ],
)
def test_an_impossible_page_is_refused(
    shared_shop: Shop, user_id: int, query: dict[str, object]
) -> None:
    assert_problem(
        shared_shop.get("invoice-service", f"/users/{user_id}/invoices", **query),
        422,
        "invalid-request",
    )


def test_a_user_without_invoices_has_an_empty_page(shared_shop: Shop) -> None:
    answer = shared_shop.get("invoice-service", "/users/987654322/invoices")
    assert (answer.status_code, answer.json()) == (200, [])


def test_every_write_is_read_once_its_event_is_projected(shared_shop: Shop, user_id: int) -> None:
    # When each order is followed at once by a query for it
    for number in range(1, 11):
        event_id = shared_shop.place_order(user_id, 1, what=f"number {number}").headers[
            "x-event-id"
        ]
        answer = shared_shop.invoice(user_id, after_event=event_id, wait=15)

        # Then the answer has it
        assert answer.status_code == 200
        assert answer.json()["orders"][-1]["description"] == f"number {number}"


@pytest.mark.parametrize("wait", [0, 0.2])
def test_an_event_that_is_not_projected_in_time_is_a_503_with_retry_after(
    shared_shop: Shop, user_id: int, wait: float
) -> None:
    answer = shared_shop.invoice(user_id, after_event=str(uuid4()), wait=wait)
    assert_problem(answer, 503, "not-projected-yet")
    assert answer.elapsed.total_seconds() >= wait


def test_waiting_needs_no_invoice_to_be_there(shared_shop: Shop, user_id: int) -> None:
    # A projected event and a month without orders: the wait is over, the answer is 404.
    event_id = shared_shop.place_order(user_id).headers["x-event-id"]
    assert_problem(shared_shop.invoice(user_id, 6, after_event=event_id, wait=15), 404, "not-found")


@pytest.mark.parametrize(
    ("service", "kinds"),
    [
        ("user-service", {UserCreated, AccountCreated}),
        ("order-service", {OrderCreated, OrderCancelled}),
    ],
)
def test_the_feeds_lines_are_cloudevents_for_us_and_for_the_public_library(
    shared_shop: Shop, service: str, kinds: set[type]
) -> None:
    # Given a log with every type of the service's events
    user_id = shared_shop.create_user("Zoë 🦄", fresh_email()).json()["id"]
    shared_shop.create_account(user_id)
    order = shared_shop.place_order(user_id, 12.5).json()["id"]
    shared_shop.post("order-service", f"/orders/{order}/cancel", {})

    # When the feed is read
    answer = shared_shop.get(service, "/events", limit=10_000, complete="true")
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == "application/x-ndjson"
    lines = answer.content.splitlines()

    # Then every line is an event of our contract, in log order
    events = [decode(line) for line in lines]
    assert {type(event) for event in events} >= kinds
    assert [event.sequence for event in events] == sorted({event.sequence for event in events})

    # and a CloudEvent for a library that knows nothing of us
    for line, event in zip(lines, events, strict=True):
        headers = {"content-type": "application/cloudevents+json"}
        foreign = from_structured(HTTPMessage(headers=headers, body=line), JSONFormat(), CloudEvent)
        assert foreign.get_id() == str(event.id)
        assert foreign.get_type() == event.type
        assert foreign.get_source() == f"/{service}"
        told = json.loads(line)
        entity = told["data"].get("id", told["data"].get("order_id"))
        assert foreign.get_subject() == told["subject"] == str(entity)
        assert foreign.get_time() == event.time
        assert foreign.get_extension("sequence") == str(event.sequence)
        assert foreign.get_specversion() == "1.0"
        assert foreign.get_datacontenttype() == "application/json"
        assert isinstance(foreign.get_time(), datetime)


def test_the_feed_begins_after_a_position_and_ends_at_a_limit(shared_shop: Shop) -> None:
    for _ in range(4):
        shared_shop.place_order(1)
    everything = shared_shop.get(
        "order-service", "/events", limit=10_000, complete="true"
    ).content.splitlines()
    start = decode(everything[-4]).sequence
    assert (
        shared_shop.get("order-service", "/events", after=start, limit=2).content.splitlines()
        == everything[-3:-1]
    )
    assert shared_shop.get("order-service", "/events", after=2**63 - 1).text == ""


@pytest.mark.parametrize(
    "query", [{"after": -1}, {"after": 2**63}, {"after": "x"}, {"limit": 0}, {"limit": 2**63}]
)
def test_an_impossible_piece_of_the_feed_is_refused(
    shared_shop: Shop, query: dict[str, object]
) -> None:
    assert_problem(shared_shop.get("order-service", "/events", **query), 422, "invalid-request")
