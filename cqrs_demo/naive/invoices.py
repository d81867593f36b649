"""Builds invoices from the events, and answers what is on them.

Four hazards, each marked at its line:

- acknowledged-first: a process that ends while it works on a message loses it. (Acknowledged last,
  a message that always fails would come back for ever; and one that was applied before the crash
  would be applied twice.)
- lost-update: two orders of one user at the same time read the same invoice, and the second write
  wipes out the first.
- reordering: an order that is quicker than its customer's address finds no customer, and fails.
- stale-read: whoever looks at once after ordering sees the invoice without that order.

Sibling: inbox/consumer.py, which acknowledges last, inbox/inbox.py, which notices what it has seen,
invoice_service/projections/invoices.py, where any order of events will do, and
invoice_service/waiting.py, which waits for one's own write.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from cqrs_demo.naive.broker import Queue, queue_at

log = logging.getLogger("naive.invoices")

READ = "select orders, total from invoices where user_id = %s and year = %s and month = %s"
INSERT = "insert into invoices (user_id, year, month, orders, total) values (%s, %s, %s, %s, %s)"
UPDATE = """
update invoices set orders = %s, total = %s where user_id = %s and year = %s and month = %s
"""
KNOW_CUSTOMER = """
insert into customers (user_id, shipping_address) values (%s, %s)
on conflict (user_id) do update set shipping_address = excluded.shipping_address
"""
SHOW = """
select i.user_id, c.shipping_address, i.orders, i.total
from invoices i join customers c using (user_id)
where i.user_id = %s and i.year = %s and i.month = %s
"""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncConnectionPool(os.environ["NAIVE_DB"], max_size=10, open=False) as pool:
        app.state.pool = pool
        queue = await queue_at(os.environ["NAIVE_BROKER_URL"])
        consumer = asyncio.create_task(consume(pool, queue))
        yield
        consumer.cancel()
        await queue.close()


app = FastAPI(title="naive invoices", lifespan=lifespan)


@app.get("/invoices")
async def get_invoice(user_id: int, year: int, month: int, request: Request) -> dict[str, Any]:
    async with request.app.state.pool.connection() as connection:
        cursor = await connection.execute(SHOW, [user_id, year, month])  # hazard: stale-read
        found = await cursor.fetchone()
    if found is None:
        raise HTTPException(404, "no such invoice")
    return dict(zip(("user_id", "shipping_address", "orders", "total"), found, strict=True))


async def consume(pool: AsyncConnectionPool, queue: Queue) -> None:
    """Messages are worked on side by side, so that a slow one does not hold up the others."""
    async with asyncio.TaskGroup() as tasks:
        async for message in queue.messages():
            await message.acknowledge()  # hazard: acknowledged-first
            tasks.create_task(handle(pool, message.event))


async def handle(pool: AsyncConnectionPool, event: dict[str, Any]) -> None:
    try:
        async with pool.connection() as connection:  # commits at its end
            if event["type"] == "account.created":
                await add_account(connection, event["data"])
            else:
                await add_order(connection, event["data"])
    except Exception:
        log.exception("could not handle %s", event)


async def add_account(connection: AsyncConnection, account: dict[str, Any]) -> None:
    address = "{address1}, {city}, {state} {zip}".format_map(account)
    await connection.execute(KNOW_CUSTOMER, [account["user_id"], address])


async def add_order(connection: AsyncConnection, order: dict[str, Any]) -> None:
    day = datetime.fromisoformat(order["purchase_dt"])
    invoice = [order["user_id"], day.year, day.month]
    line = {key: order[key] for key in ("id", "description", "amount", "purchase_dt")}
    found = await (await connection.execute(READ, invoice)).fetchone()
    if found is None:
        values = [*invoice, Jsonb([line]), Decimal(line["amount"])]
        await connection.execute(INSERT, values)  # hazard: reordering
    else:
        orders, total = [*found[0], line], found[1] + Decimal(line["amount"])
        await connection.execute(UPDATE, [Jsonb(orders), total, *invoice])  # hazard: lost-update
