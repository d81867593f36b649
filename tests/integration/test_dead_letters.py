"""A message that cannot be applied is set aside with its reason; an operator can look, retry and
discard."""

import asyncio
import json
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from cqrs_demo.messaging.broker import INVOICE_SERVICE, Message
from cqrs_demo.messaging.connect import broker_for
from tests.fixtures.answers import assert_problem
from tests.fixtures.shop import Shop, eventually


def order_event(order_id: int, **changes: Any) -> bytes:
    data = {
        "id": order_id,
        "user_id": 1,
        "description": "Widget",
        "amount": 5.00,
        "purchase_dt": "2025-04-03T10:00:00Z",
    }
    return json.dumps(
        {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": "/order-service",
            "type": "order.created",
            "subject": str(order_id),
            "time": "2025-04-03T10:00:00Z",
            "sequence": str(order_id),
            "data": {**data, **changes},
        }
    ).encode()


def publish(shop: Shop, *bodies: bytes) -> None:
    async def send() -> None:
        broker = broker_for(shop.broker_url)
        await broker.declare(INVOICE_SERVICE)
        await broker.publish(
            [Message("order.created", str(n), body) for n, body in enumerate(bodies)]
        )
        await broker.close()

    asyncio.run(send())


def letters(shop: Shop, count: int, **query: Any) -> list[dict[str, Any]]:
    return eventually(
        lambda: (
            (found := shop.get("invoice-service", "/dead-letters", **query).json())
            and len(found) == count
            and found
        )
    )


@pytest.fixture
def broken_line_42(shop: Shop) -> Shop:
    """A read model that refuses order 42, for a reason that has nothing to do with how the message
    looks."""
    shop.databases.rows(
        "invoice_service",
        "alter table demo.invoice_lines add constraint not_42 check (order_id <> 42)",
    )
    return shop


def test_a_broken_message_is_set_aside_and_its_neighbours_are_projected(shop: Shop) -> None:
    # Given good messages around one with a wrong amount and one that is no event at all
    bad, strange = order_event(2, amount="much"), b'{"hello": "world"}'

    # When they arrive together
    publish(shop, order_event(1), bad, strange, order_event(3))

    # Then the good ones are on the invoice and the others are set aside, bytes and reason with them
    found = letters(shop, 2)
    eventually(lambda: len(shop.invoice(1).json().get("orders", [])) == 2)
    assert {letter["reason"] for letter in found} == {
        "data.amount: Input should be a valid decimal",
        "not a CloudEvent",
    }
    [letter] = [letter for letter in found if letter["event_type"] == "order.created"]
    whole = shop.get("invoice-service", f"/dead-letters/{letter['id']}").json()
    assert json.loads(b64decode(whole["body_base64"])) == json.loads(bad)
    assert whole["queue"] == "order"
    assert whole["failures"] == 1
    assert "DecodeError" in whole["error"]


def test_letters_are_grouped_by_type_and_reason(shop: Shop) -> None:
    publish(
        shop, *(order_event(n, amount="much") for n in range(1, 4)), order_event(4, user_id="me")
    )
    letters(shop, 4)

    groups = shop.get("invoice-service", "/dead-letters/groups").json()
    assert [(group["event_type"], group["letters"]) for group in groups] == [
        ("order.created", 3),
        ("order.created", 1),
    ]


def test_a_retry_after_the_repair_applies_the_message_once_even_when_asked_twice_at_once(
    broken_line_42: Shop,
) -> None:
    # Given a message set aside because of a fault in the read model, since repaired
    shop = broken_line_42
    publish(shop, order_event(41), order_event(42), order_event(43))
    letters(shop, 1)
    shop.databases.rows("invoice_service", "alter table demo.invoice_lines drop constraint not_42")

    # When two operators retry everything at the same moment
    with ThreadPoolExecutor(2) as two:
        asked = [
            two.submit(shop.post, "invoice-service", "/dead-letters/retry", {"all": True})
            for _ in range(2)
        ]
        answers = [answer.result().json() for answer in asked]

    # Then it was applied once
    assert sorted(answer["applied"] for answer in answers) == [0, 1]
    assert [answer["failed"] for answer in answers] == [0, 0]
    assert len(shop.invoice(1).json()["orders"]) == 3
    assert shop.invoice(1).json()["total"] == 15.00
    assert letters(shop, 1, status="retried")[0]["settled_at"] is not None
    assert shop.get("invoice-service", "/dead-letters").json() == []


def test_a_retry_that_fails_comes_back_with_a_new_count(broken_line_42: Shop) -> None:
    shop = broken_line_42
    publish(shop, order_event(42))
    [letter] = letters(shop, 1)

    answer = shop.post("invoice-service", "/dead-letters/retry", {"ids": [letter["id"]]})

    assert answer.json() == {"applied": 0, "failed": 1}
    assert letters(shop, 1)[0]["failures"] == 2


def test_a_group_can_be_discarded_and_leaves_a_record(shop: Shop) -> None:
    publish(
        shop,
        order_event(1, amount="much"),
        order_event(2, amount="much"),
        order_event(3, user_id="me"),
    )
    [group, _] = eventually(
        lambda: (
            len(letters(shop, 3)) == 3
            and shop.get("invoice-service", "/dead-letters/groups").json()
        )
    )

    answer = shop.post(
        "invoice-service",
        "/dead-letters/discard",
        {"reason": group["reason"], "event_type": group["event_type"]},
    )

    assert answer.json() == {"discarded": 2}
    assert len(letters(shop, 1)) == 1
    assert len(letters(shop, 2, status="discarded")) == 2


def test_an_edited_letter_is_applied_and_what_came_is_kept(shop: Shop) -> None:
    # Given a message with an amount that is no number
    bad = order_event(7, amount="much")
    publish(shop, bad)
    [letter] = letters(shop, 1)

    # When it is corrected and applied
    edited = bad.decode().replace('"much"', "12.50")
    answer = retry_edited(shop, letter["id"], edited)

    # Then it is on the invoice, once also when it is asked for again
    assert answer.json() == {"applied": 1, "failed": 0}
    assert retry_edited(shop, letter["id"], edited).json()["code"] == "not-waiting"
    assert shop.invoice(1).json()["total"] == 12.50

    # And the record has what came, and says that it was edited, and how
    [settled] = letters(shop, 1, status="retried")
    whole = shop.get("invoice-service", f"/dead-letters/{letter['id']}").json()
    assert settled["edited"]
    assert json.loads(whole["body"]) == json.loads(bad)
    assert whole["edited_body"] == edited


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("no event", "not JSON"),
        (order_event(7, amount="less").decode(), "data.amount"),
        (order_event(7).decode(), "the event set aside is"),
    ],
)
def test_an_edit_that_is_wrong_too_is_refused_and_the_letter_waits(
    shared_shop: Shop, wrong: str, says: str
) -> None:
    # Given a letter; when it is edited into what cannot be applied, or into another event
    publish(shared_shop, order_event(7, amount=f"much, {uuid4()}"))
    letter = eventually(lambda: shared_shop.get("invoice-service", "/dead-letters").json())[0]
    answer = retry_edited(shared_shop, letter["id"], wrong)

    # Then the answer says what is wrong, and the letter waits as before
    assert_problem(answer, 422, "still-broken")
    assert says in answer.json()["detail"]
    after = shared_shop.get("invoice-service", f"/dead-letters/{letter['id']}").json()
    assert (after["status"], after["failures"], after["edited"]) == ("waiting", 1, False)
    shared_shop.post("invoice-service", "/dead-letters/discard", {"ids": [letter["id"]]})


def retry_edited(shop: Shop, id: int, body: str) -> httpx.Response:
    return shop.post("invoice-service", f"/dead-letters/{id}/retry", {"body": body})


def test_an_event_of_an_unknown_type_is_acknowledged_and_counted(shop: Shop) -> None:
    stranger = json.loads(order_event(1))
    stranger["type"] = "order.gift_wrapped"

    publish(shop, json.dumps(stranger).encode(), order_event(2))

    eventually(
        lambda: (
            shop.get("invoice-service", "/consumer").json()["counts"]
            == {"projected": 1, "unknown": 1, "duplicate": 0, "dead": 0}
        )
    )
    assert shop.get("invoice-service", "/dead-letters").json() == []


def test_a_request_that_chooses_nothing_is_refused(shop: Shop) -> None:
    answer = shop.post("invoice-service", "/dead-letters/discard", {})
    assert answer.status_code == 422
    assert "say which" in answer.json()["detail"]
