"""An order that needs credit, end to end: the shop with all its services, over both brokers."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.fixtures.answers import assert_problem
from tests.fixtures.shop import Shop, eventually

HELD_UP = """
select pid from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock'
"""


@pytest.fixture
def user(shared_shop: Shop) -> int:
    """A new customer."""
    name = uuid4().hex[:8]
    return int(shared_shop.create_user("Carol", f"{name}@demo.com").json()["id"])


def limit(shop: Shop, user: int, amount: Any) -> None:
    assert shop.put("payment-service", f"/credits/{user}", {"limit": amount}).status_code == 200


def order(shop: Shop, id: int) -> dict[str, Any]:
    return dict(shop.get("order-service", f"/orders/{id}").json())


def status(shop: Shop, id: int) -> str:
    return str(order(shop, id)["status"])


def credit(shop: Shop, user: int) -> dict[str, Any]:
    return dict(shop.get("payment-service", f"/credits/{user}").json())


def cancel(shop: Shop, id: int, reason: str | None = None, **headers: str) -> Any:
    body = {} if reason is None else {"reason": reason}
    return shop.post("order-service", f"/orders/{id}/cancel", body, **headers)


def placed(shop: Shop, user: int, amount: Any = 1200) -> int:
    """An order, decided."""
    id = int(shop.place_order(user, amount).json()["id"])
    eventually(lambda: status(shop, id) != "pending")
    return id


def test_a_small_order_is_approved_at_once(shared_shop: Shop, user: int) -> None:
    answer = shared_shop.place_order(user, 999.99).json()
    assert answer["status"] == "approved"
    assert "saga" not in order(shared_shop, answer["id"])


def test_a_large_order_is_pending_until_its_credit_is_reserved(
    shared_shop: Shop, user: int
) -> None:
    # When an order at the threshold is placed
    answer = shared_shop.place_order(user, 1000).json()
    assert answer["status"] == "pending"
    # Then it is approved, its amount is reserved, and it stands on the invoice
    eventually(lambda: status(shared_shop, answer["id"]) == "approved")
    assert credit(shared_shop, user) == {
        "user_id": user,
        "limit": 5000.00,
        "reserved": 1000.00,
        "available": 4000.00,
    }
    invoice = eventually(lambda: shared_shop.invoice(user).json().get("orders"))
    assert [line["amount"] for line in invoice] == [1000.00]


def test_the_order_tells_what_happened_to_it(shared_shop: Shop, user: int) -> None:
    id = placed(shared_shop, user)
    cancel(shared_shop, id, "changed my mind")
    eventually(lambda: credit(shared_shop, user)["reserved"] == 0)
    saga = eventually(
        lambda: len((found := order(shared_shop, id)["saga"])["history"]) == 4 and found
    )
    assert saga["state"] == "cancelled"
    assert [(one["event"], one["state"], one["sent"]) for one in saga["history"]] == [
        ("place", "reserving", ["order.created", "reservation.requested"]),
        ("payment.reserved", "approved", ["order.approved"]),
        ("cancel", "cancelled", ["order.cancelled", "reservation.release_requested"]),
        ("payment.released", "cancelled", []),
    ]


def test_an_order_beyond_the_limit_is_rejected_and_stands_on_no_invoice(
    shared_shop: Shop, user: int
) -> None:
    limit(shared_shop, user, 1500)
    first, second = placed(shared_shop, user), placed(shared_shop, user)
    assert [status(shared_shop, id) for id in (first, second)] == ["approved", "rejected"]
    assert order(shared_shop, second)["reason"] == (
        "it needs 1,200.00, and 300.00 of credit are left"
    )
    assert credit(shared_shop, user)["reserved"] == 1200.00
    invoice = eventually(lambda: shared_shop.invoice(user).json().get("orders"))
    assert len(invoice) == 1


def test_cancelling_gives_the_credit_back_and_takes_the_line_away(
    shared_shop: Shop, user: int
) -> None:
    # Given an approved order that is on the invoice
    id = placed(shared_shop, user)
    eventually(lambda: shared_shop.invoice(user).json().get("total") == 1200.00)
    # When it is cancelled
    answer = cancel(shared_shop, id, "too large")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["reason"]) == ("cancelled", "too large")
    # Then the invoice has it no more, and the credit is there again
    event = answer.headers["X-Event-Id"]
    invoice = shared_shop.invoice(user, after_event=event, wait=10).json()
    assert (invoice["orders"], invoice["total"]) == ([], 0)
    eventually(lambda: credit(shared_shop, user)["reserved"] == 0)


def test_cancelling_a_small_order_is_one_event(shared_shop: Shop, user: int) -> None:
    id = int(shared_shop.place_order(user, 20).json()["id"])
    assert cancel(shared_shop, id).json()["status"] == "cancelled"
    log = shared_shop.get("order-service", "/events", subject=str(id), limit=10).text
    assert [line.split('"type":"')[1].split('"')[0] for line in log.splitlines()] == [
        "order.created",
        "order.cancelled",
    ]


def test_cancelling_twice_is_cancelling_once(shared_shop: Shop, user: int) -> None:
    id = int(shared_shop.place_order(user, 20).json()["id"])
    first, second = cancel(shared_shop, id, "one"), cancel(shared_shop, id, "two")
    assert first.json() == second.json()
    assert first.headers["X-Event-Id"] == second.headers["X-Event-Id"]


def test_a_pending_order_cannot_be_cancelled(shared_shop: Shop, user: int) -> None:
    # Given somebody who has this customer's credit in hand
    with psycopg.connect(shared_shop.databases.admin["payment_service"]) as somebody:
        somebody.execute("insert into demo.credits values (%s, 5000)", [user])
        id = int(shared_shop.place_order(user, 1200).json()["id"])
        assert_problem(cancel(shared_shop, id), 409, "order-pending")
        somebody.rollback()
    eventually(lambda: status(shared_shop, id) == "approved")


def test_a_rejected_order_cannot_be_cancelled(shared_shop: Shop, user: int) -> None:
    limit(shared_shop, user, 0)
    id = placed(shared_shop, user)
    assert_problem(cancel(shared_shop, id), 409, "order-rejected")


def test_an_unknown_order_cannot_be_cancelled(shared_shop: Shop) -> None:
    assert_problem(cancel(shared_shop, 2**60), 404, "not-found")


def test_a_cancel_with_a_key_can_be_repeated(shared_shop: Shop, user: int) -> None:
    id = int(shared_shop.place_order(user, 20).json()["id"])
    other = int(shared_shop.place_order(user, 30).json()["id"])
    key = {"Idempotency-Key": uuid4().hex}
    first, again = cancel(shared_shop, id, "why", **key), cancel(shared_shop, id, "why", **key)
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert_problem(cancel(shared_shop, id, "else", **key), 422, "idempotency-key-reused")
    assert_problem(cancel(shared_shop, other, "why", **key), 422, "idempotency-key-reused")
    assert status(shared_shop, other) == "approved"


def test_the_key_of_a_cancel_that_found_the_order_cancelled_is_kept_too(
    shared_shop: Shop, user: int
) -> None:
    # Given an order that is cancelled, and cancelled once more, with a key
    id = int(shared_shop.place_order(user, 20).json()["id"])
    other = int(shared_shop.place_order(user, 30).json()["id"])
    cancel(shared_shop, id)
    key = {"Idempotency-Key": uuid4().hex}
    first = cancel(shared_shop, id, **key)
    # Then that can be repeated, and the key is good for nothing else
    again = cancel(shared_shop, id, **key)
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    assert_problem(cancel(shared_shop, other, **key), 422, "idempotency-key-reused")
    assert status(shared_shop, other) == "approved"


def test_two_cancels_at_once_with_one_key_are_one(shared_shop: Shop, user: int) -> None:
    # Given two orders, and one key
    orders = [int(shared_shop.place_order(user, 20).json()["id"]) for _ in range(2)]
    key = {"Idempotency-Key": uuid4().hex}
    with psycopg.connect(shared_shop.databases.admin["order_service"]) as somebody:
        # When both are cancelled under it, at the same moment
        somebody.execute("select from demo.orders where id = any(%s) for update", [orders])
        with ThreadPoolExecutor(2) as both:
            answers = [both.submit(cancel, shared_shop, id, **key) for id in orders]
            eventually(lambda: len(shared_shop.databases.rows("order_service", HELD_UP)) == 2)
            somebody.rollback()
            statuses = sorted(answer.result().status_code for answer in answers)
    # Then one of them is
    assert statuses == [200, 422]
    assert sorted(status(shared_shop, id) for id in orders) == ["approved", "cancelled"]


def test_a_retried_order_gets_its_first_answer_whatever_has_become_of_it(
    shared_shop: Shop, user: int
) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    first = shared_shop.place_order(user, 1200, **key)
    eventually(lambda: status(shared_shop, first.json()["id"]) == "approved")
    again = shared_shop.place_order(user, 1200, **key)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"


def test_statistics_count_what_is_approved_apart_from_what_is_not(
    shared_shop: Shop, user: int
) -> None:
    def told() -> dict[str, Any]:
        return dict(shared_shop.get("order-service", "/statistics").json())

    before = told()
    approved, cancelled, rejected = (placed(shared_shop, user, n) for n in (1200, 1300, 6000))
    cancel(shared_shop, cancelled)
    after = told()
    assert status(shared_shop, approved) == "approved"
    assert status(shared_shop, rejected) == "rejected"
    assert {name: round(after[name] - before[name], 2) for name in after} == {
        "orders": 1,
        "amount": 1200.00,
        "pending": 0,
        "rejected": 1,
        "cancelled": 1,
    }


def test_a_limit_below_what_is_reserved_is_refused(shared_shop: Shop, user: int) -> None:
    placed(shared_shop, user)
    answer = shared_shop.put("payment-service", f"/credits/{user}", {"limit": 1199.99})
    assert_problem(answer, 409, "limit-below-reserved")
    assert credit(shared_shop, user)["limit"] == 5000.00


def test_a_limit_with_a_key_can_be_repeated_and_does_not_come_back(
    shared_shop: Shop, user: int
) -> None:
    def put(amount: int, key: str) -> Any:
        url = f"{shared_shop.urls['payment-service']}/credits/{user}"
        headers = {"Idempotency-Key": key}
        return shared_shop.client.put(url, json={"limit": amount}, headers=headers)

    # Given a limit, and a later one
    key = uuid4().hex
    first = put(100, key)
    put(200, uuid4().hex)
    # When the first is sent again
    again = put(100, key)
    # Then it is answered as it was, and the later one stands
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    assert again.headers["X-Event-Id"] == first.headers["X-Event-Id"]
    assert credit(shared_shop, user)["limit"] == 200.00
    assert_problem(put(300, key), 422, "idempotency-key-reused")


def test_an_event_tells_which_story_it_belongs_to(shared_shop: Shop, user: int) -> None:
    # Given the story of an order that was approved
    answer = shared_shop.place_order(user, 1200)
    began = answer.headers["X-Event-Id"]
    eventually(lambda: status(shared_shop, answer.json()["id"]) == "approved")
    # Then both logs have its events, each led to by the one before
    story = [
        line
        for service in ("order-service", "payment-service")
        for line in events(shared_shop, service, correlation=began)
    ]
    led_by = {event["type"]: event.get("causationid") for event in story}
    ids = {event["type"]: event["id"] for event in story}
    assert led_by == {
        "order.created": None,
        "reservation.requested": ids["order.created"],
        "payment.reserved": ids["reservation.requested"],
        "order.approved": ids["payment.reserved"],
    }
    assert {event["partitionkey"] for event in story} == {str(user)}


def test_what_a_user_does_first_begins_a_story_of_its_own(shared_shop: Shop, user: int) -> None:
    account = shared_shop.create_account(user).headers["X-Event-Id"]
    [event] = events(shared_shop, "user-service", correlation=account)
    assert (event["id"], event["partitionkey"]) == (account, str(user))
    assert "causationid" not in event


def events(shop: Shop, service: str, **query: Any) -> list[dict[str, Any]]:
    answer = shop.get(service, "/events", complete="true", **query)
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.fixture(scope="module", autouse=True)
def all_that_the_logs_say(shared_shop: Shop) -> Iterator[None]:
    """After all tests here: the tables of each command service are what its log says."""
    yield
    for service in ("order-service", "payment-service"):
        for table in shared_shop.get(service, "/verify").json():
            assert table["drift"] == 0, table
