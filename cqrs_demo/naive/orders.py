"""Takes accounts and orders: writes the row, then publishes what happened.

Three hazards, each marked at its line:

- dual-write: the commit and the message are two writes. A process that ends between them leaves an
  order of which no invoice will ever know.
- duplicate: when the line breaks, nobody knows whether the broker has the message. Sending it
  again is right; then it may arrive twice, and the consumer has to notice (it does not).
- retry-without-key: a client whose answer is lost sends its order again, and gets a second one.

Sibling: order_service/commands.py, where order and event are one statement and a key makes a retry
harmless, and outbox/relay.py, which publishes later, as often as it takes.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal

from fastapi import FastAPI, Request
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel, Field

from cqrs_demo.naive.broker import queue_at

log = logging.getLogger("naive.orders")

INSERT_ACCOUNT = """
insert into accounts (user_id, address1, city, state, zip)
values (%(user_id)s, %(address1)s, %(city)s, %(state)s, %(zip)s)
returning id
"""
INSERT_ORDER = """
insert into orders (user_id, description, amount, purchase_dt)
values (%(user_id)s, %(description)s, %(amount)s, %(purchase_dt)s)
returning id
"""


class NewAccount(BaseModel):
    user_id: int
    address1: str
    city: str
    state: str
    zip: str


class Account(NewAccount):
    id: int


class NewOrder(BaseModel):
    user_id: int
    description: str = Field(min_length=1, max_length=200)
    amount: Decimal = Field(gt=0, max_digits=12, decimal_places=2)
    purchase_dt: datetime


class Order(NewOrder):
    id: int


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncConnectionPool(os.environ["NAIVE_DB"], max_size=10, open=False) as pool:
        app.state.pool = pool
        app.state.queue = await queue_at(os.environ["NAIVE_BROKER_URL"])
        yield
        await app.state.queue.close()


app = FastAPI(title="naive orders", lifespan=lifespan)


@app.post("/accounts", status_code=201)
async def post_account(account: NewAccount, request: Request) -> Account:
    id = await insert(request, INSERT_ACCOUNT, account)
    opened = Account(id=id, **account.model_dump())
    await publish(request, "account.created", opened)
    return opened


@app.post("/orders", status_code=201)
async def post_order(order: NewOrder, request: Request) -> Order:
    id = await insert(request, INSERT_ORDER, order)  # hazard: retry-without-key
    placed = Order(id=id, **order.model_dump())
    await publish(request, "order.created", placed)  # hazard: dual-write
    return placed


async def insert(request: Request, statement: str, row: BaseModel) -> int:
    async with request.app.state.pool.connection() as connection:  # commits at its end
        cursor = await connection.execute(statement, row.model_dump())
        id: int = (await cursor.fetchone())[0]
    return id


async def publish(request: Request, type: str, what: BaseModel) -> None:
    """Four tries. After that it stays in the log: the row is committed, so the client is not to
    try again."""
    event = {"type": type, "data": what.model_dump(mode="json")}
    for pause in (0, 0.5, 1, 2):
        await asyncio.sleep(pause)
        try:
            await request.app.state.queue.send(event)  # hazard: duplicate
            return
        except Exception:
            log.exception("could not publish %s", event)
