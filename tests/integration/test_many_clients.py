"""Comparable demos lose most of these orders: many clients, one user, one month, one invoice
row."""

import asyncio
import json
from decimal import Decimal

import httpx

from tests.fixtures.shop import Shop, eventually

CLIENTS, ORDERS = 64, 600


def test_sixty_four_clients_order_for_one_user_and_the_invoice_has_each_order_once(
    shop: Shop,
) -> None:
    # Given one user, when 64 clients order at once in the same month
    accepted = asyncio.run(order_at_once(shop.urls["order-service"] + "/orders"))
    assert len(accepted) == ORDERS

    # Then the invoice has exactly the accepted orders, each once, and their exact total
    eventually(lambda: len(shop.invoice(1).json().get("orders", [])) >= ORDERS, seconds=30)
    invoice = json.loads(shop.invoice(1).text, parse_float=Decimal)
    assert sorted((line["description"], line["amount"]) for line in invoice["orders"]) == sorted(
        accepted
    )
    assert invoice["total"] == sum(amount for _, amount in accepted)


async def order_at_once(url: str) -> list[tuple[str, Decimal]]:
    """What was answered 201."""
    numbers = iter(range(ORDERS))

    async def client(session: httpx.AsyncClient) -> list[tuple[str, Decimal]]:
        accepted = []
        for number in numbers:
            order = {
                "user_id": 1,
                "description": f"order {number}",
                "amount": number + 0.01,
                "purchase_dt": "2025-04-03T10:00:00Z",
            }
            answer = await session.post(url, json=order)
            if answer.status_code == 201:
                accepted.append(
                    (order["description"], json.loads(answer.text, parse_float=Decimal)["amount"])
                )
        return accepted

    async with httpx.AsyncClient(
        timeout=30, limits=httpx.Limits(max_connections=CLIENTS)
    ) as session:
        shares = await asyncio.gather(*(client(session) for _ in range(CLIENTS)))
    return [order for share in shares for order in share]
