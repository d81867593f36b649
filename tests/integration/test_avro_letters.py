"""Dead letters whose message came in Avro: shown as people read it, retried and edited like any
other."""

import asyncio
import json
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from cqrs_demo.contract.codec import Encoded, encode
from cqrs_demo.contract.events import OrderCreated
from cqrs_demo.contract.schemas import schema_of
from cqrs_demo.messaging.broker import INVOICE_SERVICE, Message
from cqrs_demo.messaging.connect import broker_for
from tests.fixtures.shop import Shop, eventually


def order(number: int) -> Encoded:
    data = {
        "id": number,
        "user_id": 1,
        "description": "Widget",
        "amount": 5.25,
        "purchase_dt": "2025-04-03T10:00:00Z",
        "status": "approved",
    }
    return encode(
        "avro",
        "/order-service",
        sequence=number,
        id=uuid4(),
        type="order.created",
        subject=str(number),
        time=datetime(2025, 4, 3, 10, tzinfo=UTC),
        data=json.dumps(data),
        dataschema=schema_of(OrderCreated),
    )


def publish(shop: Shop, *told: Encoded) -> None:
    async def send() -> None:
        broker = broker_for(shop.broker_url)
        await broker.declare(INVOICE_SERVICE)
        await broker.publish(
            [
                Message("order.created", str(n), one.body, "1", one.content_type, one.headers)
                for n, one in enumerate(told)
            ]
        )
        await broker.close()

    asyncio.run(send())


def letters(shop: Shop, count: int, **query: Any) -> list[dict[str, Any]]:
    def look() -> Any:
        found = shop.get("invoice-service", "/dead-letters", **query).json()
        return found if len(found) == count else None

    found: list[dict[str, Any]] = eventually(look)
    return [shop.get("invoice-service", f"/dead-letters/{one['id']}").json() for one in found]


def test_a_letter_that_came_in_avro_is_shown_retried_and_edited_like_any_other(shop: Shop) -> None:
    # Given a read model that refuses two orders, and a message of a schema nobody knows
    refuse = "alter table demo.invoice_lines add constraint no check (order_id not in (42, 43))"
    shop.databases.rows("invoice_service", refuse)
    strange = replace(order(44), body=b"\xc3\x01" + bytes(8) + order(44).body[10:])
    told = [order(41), order(42), order(43), strange]

    # When they come in Avro
    publish(shop, *told)

    # Then one is on the invoice, and three are set aside, each once, with reason and id
    found = {one["event_id"]: one for one in letters(shop, 3)}
    eventually(lambda: shop.invoice(1).json().get("total") == 5.25)
    _, first, second, unknown = (found.get(one.headers["ce-id"]) for one in told)
    assert first is not None
    assert second is not None
    assert unknown is not None
    assert unknown["reason"].startswith("data: unknown Avro schema")
    assert unknown["event_type"] == "order.created"

    # And what is shown has the data as people read them; the bytes are there, too
    assert json.loads(first["body"])["data"]["amount"] == 5.25
    kept = json.loads(b64decode(first["body_base64"]))
    assert b64decode(kept["data_base64"]) == told[1].body

    # When one is retried after the repair, and another applied as it is shown, corrected
    shop.databases.rows("invoice_service", "alter table demo.invoice_lines drop constraint no")
    retry = shop.post("invoice-service", "/dead-letters/retry", {"ids": [first["id"]]})
    body = second["body"].replace("5.25", "6.50")
    edit = shop.post("invoice-service", f"/dead-letters/{second['id']}/retry", {"body": body})

    # Then both count
    assert [answer.json() for answer in (retry, edit)] == [{"applied": 1, "failed": 0}] * 2
    assert shop.invoice(1).json()["total"] == 17.0
    # And what nobody can read yet waits with a higher count
    again = shop.post("invoice-service", "/dead-letters/retry", {"all": True})
    assert again.json() == {"applied": 0, "failed": 1}
    assert [one["failures"] for one in letters(shop, 1)] == [2]
