"""Retries are safe: one key, one row, one event, and the first answer again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.fixtures.answers import assert_problem
from tests.fixtures.shared_shop import fresh_email
from tests.fixtures.shop import PREFIXES, Shop


@dataclass(frozen=True)
class Target:
    """A collection, and a body for it that was not sent before."""

    service: str
    path: str
    body: Callable[[Shop], dict[str, Any]]
    table: str

    def post(
        self, shop: Shop, body: dict[str, Any], key: str, base: str | None = None
    ) -> httpx.Response:
        return shop.client.post(
            (base or shop.urls[self.service]) + self.path,
            json=body,
            headers={"Idempotency-Key": key},
        )

    def rows_and_events(self, shop: Shop, key: str) -> list[tuple[int, int]]:
        return shop.databases.rows(
            self.service.replace("-", "_"),
            f"select count(*), count(e.id) from demo.{self.table} t left join demo.events e on "
            "e.id = event_id where idempotency_key = %s",
            key,
        )


def _account(shop: Shop) -> dict[str, Any]:
    user_id = shop.create_user("Alice", fresh_email()).json()["id"]
    return {
        "user_id": user_id,
        "address1": "1 Way",
        "city": "Cityville",
        "state": "ST",
        "zip": "12345",
    }


USERS = Target(
    "user-service", "/users", lambda _: {"name": "Alice", "email": fresh_email()}, "users"
)
ACCOUNTS = Target("user-service", "/accounts", _account, "accounts")
ORDERS = Target(
    "order-service",
    "/orders",
    lambda _: {"user_id": 1, "description": "Widget", "amount": 5},
    "orders",
)

everything_that_is_posted = pytest.mark.parametrize(
    "target", [USERS, ACCOUNTS, ORDERS], ids=["users", "accounts", "orders"]
)


@everything_that_is_posted
def test_the_same_key_and_body_give_the_first_answer_again_and_one_row_and_one_event(
    shared_shop: Shop, target: Target
) -> None:
    # Given a command that was carried out
    key, body = uuid4().hex, target.body(shared_shop)
    first = target.post(shared_shop, body, key)
    assert first.status_code == 201
    assert "idempotent-replayed" not in first.headers

    # When the client sends it again
    again = target.post(shared_shop, body, key)

    # Then it gets the first answer, marked as such
    assert again.status_code == 201
    assert again.text == first.text
    assert again.headers["idempotent-replayed"] == "true"
    for header in ("location", "x-event-id", "content-type"):
        assert again.headers[header] == first.headers[header]

    # and one row and one event stand
    assert target.rows_and_events(shared_shop, key) == [(1, 1)]


@everything_that_is_posted
def test_the_same_key_with_another_body_is_refused(shared_shop: Shop, target: Target) -> None:
    # Given a command that was carried out
    key = uuid4().hex
    assert target.post(shared_shop, target.body(shared_shop), key).status_code == 201

    # When its key comes with another command
    other = {**target.body(shared_shop), **({"amount": 6} if target is ORDERS else {})}
    answer = target.post(shared_shop, other, key)

    # Then it is a mistake of the client, and changes nothing
    assert_problem(answer, 422, "idempotency-key-reused")
    assert target.rows_and_events(shared_shop, key) == [(1, 1)]


@everything_that_is_posted
def test_twenty_at_once_to_two_copies_of_the_service_make_one_row(
    shared_shop: Shop, target: Target
) -> None:
    # Given two copies of the service
    key, body = uuid4().hex, target.body(shared_shop)
    with shared_shop.running(target.service) as copy, ThreadPoolExecutor(20) as pool:
        # When the same command comes twenty times at the same moment, half to each
        answers = list(
            pool.map(
                lambda n: target.post(shared_shop, body, key, copy if n % 2 else None), range(20)
            )
        )

    # Then all got the same answer, one of them as the first
    assert [answer.status_code for answer in answers] == [201] * 20
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1

    # and one row and one event stand
    assert target.rows_and_events(shared_shop, key) == [(1, 1)]


def test_of_two_bodies_at_once_under_one_key_one_is_carried_out_and_the_other_refused(
    shared_shop: Shop,
) -> None:
    # When two commands, four times each, come at the same moment under one key
    key = uuid4().hex
    bodies = [{**ORDERS.body(shared_shop), "amount": 1 + number % 2} for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: ORDERS.post(shared_shop, body, key), bodies))

    # Then one of them has won, all four times
    assert sorted(answer.status_code for answer in answers) == [201] * 4 + [422] * 4
    assert len({answer.text for answer in answers if answer.status_code == 201}) == 1
    assert ORDERS.rows_and_events(shared_shop, key) == [(1, 1)]


@pytest.mark.parametrize("length", [1, 255])
def test_a_key_may_have_1_to_255_characters(shared_shop: Shop, length: int) -> None:
    key = uuid4().hex[:1] if length == 1 else uuid4().hex.ljust(length, "k")
    body = {"user_id": 1, "description": f"under a key of {length}", "amount": 5}
    assert ORDERS.post(shared_shop, body, key).status_code == 201
    assert ORDERS.post(shared_shop, body, key).headers["idempotent-replayed"] == "true"
    assert ORDERS.rows_and_events(shared_shop, key) == [(1, 1)]


@pytest.mark.parametrize("key", ["", "k" * 256], ids=["empty", "256"])
def test_a_key_of_another_length_is_refused(shared_shop: Shop, key: str) -> None:
    answer = ORDERS.post(shared_shop, ORDERS.body(shared_shop), key)
    assert_problem(answer, 422, "invalid-request")
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize(
    "key", ["a,b;c=\"d\" 'e' --", "ключ", "\x80\xff"], ids=["punctuation", "utf-8", "bytes"]
)
def test_any_characters_a_header_can_carry_make_a_key(shared_shop: Shop, key: str) -> None:
    headers = {
        b"Idempotency-Key": key.encode("utf-8" if key == "ключ" else "latin-1")
        + b" "
        + uuid4().hex.encode()
    }
    body = ORDERS.body(shared_shop)
    answers = [
        shared_shop.client.post(
            shared_shop.urls["order-service"] + "/orders", json=body, headers=headers
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].text == answers[1].text


def test_a_refused_command_leaves_its_key_free(shared_shop: Shop) -> None:
    # Given a command that was refused, because its user does not exist, under a key
    key = uuid4().hex
    body = {
        "user_id": 987_654_321,
        "address1": "1 Way",
        "city": "Cityville",
        "state": "ST",
        "zip": "12345",
    }
    assert_problem(ACCOUNTS.post(shared_shop, body, key), 404, "unknown-user")

    # When the client mends it and sends it under the same key
    answer = ACCOUNTS.post(shared_shop, _account(shared_shop), key)

    # Then it is carried out
    assert answer.status_code == 201
    assert ACCOUNTS.rows_and_events(shared_shop, key) == [(1, 1)]


def test_a_retry_whose_email_is_its_own_is_no_conflict(shared_shop: Shop) -> None:
    # Given a user created under a key
    key, body = uuid4().hex, USERS.body(shared_shop)
    USERS.post(shared_shop, body, key)

    # Then the same command under another key is a conflict, and under its own key a retry
    assert_problem(USERS.post(shared_shop, body, uuid4().hex), 409, "email-taken")
    assert USERS.post(shared_shop, body, key).status_code == 201


def test_one_key_serves_each_kind_of_command_once(shared_shop: Shop) -> None:
    key = uuid4().hex
    for target in (USERS, ACCOUNTS, ORDERS):
        assert target.post(shared_shop, target.body(shared_shop), key).status_code == 201
        assert target.rows_and_events(shared_shop, key) == [(1, 1)]


@pytest.mark.parametrize("again", ["50", "50.0", "50.00", "5e1", "50.000", "0.5e2"])
def test_the_same_amount_in_another_spelling_is_the_same_request(
    shared_shop: Shop, again: str
) -> None:
    # Given an order of fifty
    key = str(uuid4())

    def post(amount: str) -> httpx.Response:
        return shared_shop.client.post(
            shared_shop.urls["order-service"] + "/orders",
            content=f'{{"user_id": 1, "description": "Widget", "amount": {amount}}}',
            headers={"Content-Type": "application/json", "Idempotency-Key": key},
        )

    first = post("50")
    # When it is sent again, its amount written in another way
    second = post(again)
    # Then it is a retry
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.json() == first.json()


def test_without_a_key_each_request_is_a_command_of_its_own(shared_shop: Shop) -> None:
    answers = [shared_shop.place_order(1) for _ in range(3)]
    assert len({answer.json()["id"] for answer in answers}) == 3


def test_the_query_side_has_nothing_to_retry(shared_shop: Shop) -> None:
    commands = {"user-service", "order-service", "payment-service"}
    assert set(PREFIXES) == {*commands, "invoice-service"}
    assert_problem(shared_shop.post("invoice-service", "/invoices", {}), 405, "method-not-allowed")
