"""Cancel an order: the second command of this service.

An approved order is cancelled, whenever that is. A pending one cannot be: that is the semantic
lock, and whoever wants to cancel waits for the outcome. Cancelling twice is cancelling once. Next:
saga/definition.py, for what follows when the order has reserved credit.
"""

from typing import Any

from psycopg.errors import UniqueViolation

from cqrs_demo.contract.events import Id
from cqrs_demo.database import Connection, Pool
from cqrs_demo.errors import Conflict, NotFound
from cqrs_demo.input import Input, LongText
from cqrs_demo.order_service.saga.definition import CANCEL_WITHOUT_CREDIT
from cqrs_demo.order_service.saga.process import happens, lock_sagas, read_order, take
from cqrs_demo.outbox.append import Cause
from cqrs_demo.outbox.retries import Accepted, KeyReused, fingerprint

BY_KEY = "select * from demo.orders where cancel_key = %s"

LOCK_ORDER = "select from orders where id = %s for update"

KEEP_KEY = "update orders set cancel_key = %s, cancel_hash = %s where id = %s"


class Reason(Input):
    reason: LongText | None = None


class CancelOrder(Reason):
    order_id: Id


class OrderPending(Conflict):
    code = "order-pending"

    def __init__(self, order_id: int) -> None:
        super().__init__(f"order {order_id} waits for its credit; try again when that is decided")


class OrderRejected(Conflict):
    code = "order-rejected"

    def __init__(self, order_id: int) -> None:
        super().__init__(f"order {order_id} was rejected: there is nothing to cancel")


async def cancel_order(
    pool: Pool, command: CancelOrder, idempotency_key: str | None, traceparent: str | None = None
) -> Accepted:
    """The order as it is then, committed together with the event. Raises NotFound, OrderPending,
    OrderRejected; and KeyReused when the key came with another order or reason before."""
    if (earlier := await _first_answer(pool, command, idempotency_key)) is not None:
        return earlier
    asked = Cause(traceparent=traceparent)
    try:
        async with pool.connection() as connection, connection.transaction():
            return Accepted(await _cancel(connection, command, idempotency_key, asked))
    except UniqueViolation:  # at this moment the key cancels another order
        raise KeyReused from None


async def _cancel(
    connection: Connection, command: CancelOrder, key: str | None, asked: Cause
) -> dict[str, Any]:
    """The transaction. Locks are taken in the order that all keep: the saga, then the order."""
    id = command.order_id
    await lock_sagas(connection, [id])
    await connection.execute(LOCK_ORDER, [id])
    order = await read_order(connection, id)
    if order is None:
        raise NotFound(f"there is no order {id}")
    if order["status"] == "pending":
        raise OrderPending(id)
    if order["status"] == "rejected":
        raise OrderRejected(id)
    if order["status"] == "cancelled":
        return order
    if order["needs_credit"]:
        await happens(connection, order, "cancel", command.reason, asked)
    else:
        await take(connection, order, CANCEL_WITHOUT_CREDIT, command.reason, asked)
    if key is not None:
        await connection.execute(KEEP_KEY, [key, fingerprint(command), id])
    cancelled = await read_order(connection, id)
    assert cancelled is not None
    return cancelled


async def _first_answer(pool: Pool, command: CancelOrder, key: str | None) -> Accepted | None:
    if key is None:
        return None
    async with pool.connection() as connection:
        order = await (await connection.execute(BY_KEY, [key], prepare=True)).fetchone()
    if order is None:
        return None
    if order["cancel_hash"] != fingerprint(command):
        raise KeyReused
    return Accepted(order, replayed=True)
