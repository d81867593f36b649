"""The commands over HTTP: what they answer, where the row is, which event tells of it."""

import re
from typing import Any

import pytest

from tests.fixtures.answers import assert_problem
from tests.fixtures.shared_shop import fresh_email
from tests.fixtures.shop import Shop

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@pytest.fixture
def user_id(shared_shop: Shop) -> int:
    return int(shared_shop.create_user("Alice", fresh_email()).json()["id"])


def test_a_created_user_has_an_integer_id_a_name_and_an_email(shared_shop: Shop) -> None:
    email = fresh_email()
    answer = shared_shop.create_user("Alice", email)
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    user = answer.json()
    assert list(user) == ["id", "name", "email"]
    assert type(user["id"]) is int
    assert (user["name"], user["email"]) == ("Alice", email)


def test_a_created_account_is_open_and_tells_whose_it_is(shared_shop: Shop, user_id: int) -> None:
    answer = shared_shop.create_account(user_id)
    assert answer.status_code == 201
    account = answer.json()
    assert account == {
        "id": account["id"],
        "user_id": user_id,
        "address1": "123 Main St",
        "city": "Cityville",
        "state": "ST",
        "zip": "12345",
        "status": "open",
    }
    assert type(account["id"]) is int


@pytest.mark.parametrize(
    ("sent", "on_the_wire"),
    [
        ("50", "50.00"),
        ("50.5", "50.50"),
        ("0.01", "0.01"),
        ("5e1", "50.00"),
        ("9999999999.99", "9999999999.99"),
    ],
)
def test_an_amount_goes_over_the_wire_as_a_number_with_two_decimals(
    shared_shop: Shop, user_id: int, sent: str, on_the_wire: str
) -> None:
    # When an amount is sent as a number, however it is written
    body = (
        f'{{"user_id": {user_id}, "description": "Widget", "amount": {sent}, "purchase_dt": '
        '"2025-04-03T10:00:00Z"}'
    )
    answer = shared_shop.client.post(
        shared_shop.urls["order-service"] + "/orders",
        content=body,
        headers={"Content-Type": "application/json; charset=utf-8"},
    )

    # Then the answer, the row and the event have it with two decimals, and not as text
    assert answer.status_code == 201
    assert f'"amount":{on_the_wire},' in answer.text
    assert (
        f'"amount":{on_the_wire},'
        in shared_shop.get("order-service", f"/orders/{answer.json()['id']}").text
    )
    assert f'"amount": {on_the_wire},' in event_of(
        shared_shop, "order-service", answer.headers["x-event-id"]
    )


def event_of(shop: Shop, service: str, event_id: str) -> str:
    lines = shop.get(service, "/events", limit=10_000).text.split("\n")
    [line] = [line for line in lines if f'"id":"{event_id}"' in line]
    return line


def test_an_amount_with_thousands_of_zeros_is_the_amount(shared_shop: Shop, user_id: int) -> None:
    order = f'{{"user_id": {user_id}, "description": "Widget", "amount": 1.{"0" * 17_000}}}'
    answer = shared_shop.client.post(
        shared_shop.urls["order-service"] + "/orders",
        content=order,
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["amount"]) == (201, 1)


def test_a_placed_order_has_its_six_fields(shared_shop: Shop, user_id: int) -> None:
    order = shared_shop.place_order(user_id).json()
    assert order == {
        "id": order["id"],
        "user_id": user_id,
        "description": "Widget",
        "amount": 50.00,
        "purchase_dt": "2025-04-03T10:00:00Z",
        "status": "approved",
    }
    assert type(order["id"]) is int


@pytest.mark.parametrize("body", [{}, {"purchase_dt": None}])
def test_an_order_without_a_date_was_placed_now(
    shared_shop: Shop, user_id: int, body: dict[str, Any]
) -> None:
    [(before,)] = shared_shop.databases.rows("order_service", "select now()")
    order = shared_shop.post(
        "order-service",
        "/orders",
        {"user_id": user_id, "description": "Widget", "amount": 1, **body},
    ).json()
    assert RFC3339.fullmatch(order["purchase_dt"])
    [(between,)] = shared_shop.databases.rows(
        "order_service",
        "select %s <= purchase_dt and purchase_dt <= now() from demo.orders where id = %s",
        before,
        order["id"],
    )
    assert between


def test_the_order_service_does_not_ask_whether_the_user_exists(shared_shop: Shop) -> None:
    assert shared_shop.place_order(987_654_321).status_code == 201


def test_a_dates_fraction_and_offset_are_kept_as_an_instant_in_utc(
    shared_shop: Shop, user_id: int
) -> None:
    order = shared_shop.place_order(user_id, when="2025-03-31T23:59:59.250-05:00").json()
    assert order["purchase_dt"] == "2025-04-01T04:59:59.250000Z"


def test_answers_are_in_utc_wherever_the_database_stands(shared_shop: Shop) -> None:
    # Given a database whose server thinks it is in Tokyo (as an embedded one does on a laptop
    # there)
    set_zone = (
        "do $$ begin execute format('alter database %%I set timezone to %%L', "
        "current_database(), '{}'); end $$"
    )
    shared_shop.databases.rows("order_service", set_zone.format("Asia/Tokyo"))
    try:
        # When a copy of the service that starts there takes an order of the last hour there is
        with shared_shop.running("order-service") as url:
            body = {
                "user_id": 1,
                "description": "Widget",
                "amount": 5,
                "purchase_dt": "9999-12-31T23:30:00Z",
            }
            answer = shared_shop.client.post(url + "/orders", json=body)
    finally:
        shared_shop.databases.rows("order_service", set_zone.format("UTC"))

    # Then it answers in UTC
    assert answer.status_code == 201
    assert answer.json()["purchase_dt"] == "9999-12-31T23:30:00Z"


@pytest.mark.parametrize("what", ["user", "account", "order"])
def test_location_leads_to_the_row_and_x_event_id_to_its_event(
    shared_shop: Shop, user_id: int, what: str
) -> None:
    # When something is created
    service, type_, answer = {
        "user": lambda: (
            "user-service",
            "user.created",
            shared_shop.create_user("Bob", fresh_email()),
        ),
        "account": lambda: ("user-service", "account.created", shared_shop.create_account(user_id)),
        "order": lambda: ("order-service", "order.created", shared_shop.place_order(user_id)),
    }[what]()

    # Then its Location gives the same row
    host = "/".join(shared_shop.urls[service].split("/")[:3])
    row = shared_shop.client.get(host + answer.headers["location"])
    assert row.status_code == 200
    assert row.json() == answer.json()

    # and the log has exactly one event with the id given, of that row
    [(event_type, subject)] = shared_shop.databases.rows(
        service.replace("-", "_"),
        "select type, subject from demo.events where id = %s",
        answer.headers["x-event-id"],
    )
    assert (event_type, subject) == (type_, str(answer.json()["id"]))


def test_an_email_is_taken_whatever_its_capitals(shared_shop: Shop) -> None:
    # Given a user
    email = fresh_email()
    shared_shop.create_user("Alice", email)

    # When another wants the same mailbox in capitals
    answer = shared_shop.create_user("Alicia", email.upper())

    # Then it is refused, and there is one row and one event
    assert_problem(answer, 409, "email-taken")
    rows = shared_shop.databases.rows
    assert rows(
        "user_service", "select count(*) from demo.users where lower(email) = %s", email
    ) == [(1,)]
    assert rows(
        "user_service", "select count(*) from demo.events where lower(data ->> 'email') = %s", email
    ) == [(1,)]


@pytest.mark.parametrize("twin", ["ας", "ΑΣ", "αΣ"])
def test_an_email_is_taken_in_every_form_of_its_letters(shared_shop: Shop, twin: str) -> None:
    # Given a mailbox with a letter that has two small forms
    host = fresh_email()
    assert shared_shop.create_user("Alice", f"ασ.{host}").status_code == 201

    # When another wants it with the other form, or the capital
    answer = shared_shop.create_user("Alicia", f"{twin}.{host}")

    # Then it is refused
    assert_problem(answer, 409, "email-taken")


def test_an_account_for_an_unknown_user_is_refused_and_leaves_nothing(shared_shop: Shop) -> None:
    [before] = shared_shop.databases.rows("user_service", "select count(*) from demo.events")
    assert_problem(shared_shop.create_account(987_654_321), 404, "unknown-user")
    assert [before] == shared_shop.databases.rows(
        "user_service", "select count(*) from demo.events"
    )


@pytest.mark.parametrize(
    ("service", "path"),
    [("user-service", "/users/"), ("user-service", "/accounts/"), ("order-service", "/orders/")],
)
def test_a_row_that_is_not_there_is_a_404(shared_shop: Shop, service: str, path: str) -> None:
    assert_problem(shared_shop.get(service, path + "987654321"), 404, "not-found")


@pytest.mark.parametrize(
    "id",
    [
        "0",
        "-1",
        "9223372036854775808",
        "9" * 5000,
        "1.0",
        "1_0",
        "%201",
        "١",
        "x",
        "%00",
        "%ff",
        "1;drop",
    ],
)
def test_an_id_that_is_no_whole_number_of_64_bits_is_refused(shared_shop: Shop, id: str) -> None:
    assert_problem(shared_shop.get("order-service", f"/orders/{id}"), 422, "invalid-request")


def test_the_largest_id_is_looked_up(shared_shop: Shop) -> None:
    assert_problem(shared_shop.get("order-service", f"/orders/{2**63 - 1}"), 404, "not-found")
