"""Cancel an order: the second command of this service.

An approved order is cancelled, whenever that is. A pending one cannot be: that is the semantic
lock, and whoever wants to cancel waits for the outcome. Cancelling twice is cancelling once. Next:
saga/definition.py, for what follows when the order has reserved credit.
"""

from typing import Any

from cqrs_demo.contract.events import Id
from cqrs_demo.database import Connection, Pool
from cqrs_demo.errors import Conflict, NotFound
from cqrs_demo.input import Input, LongText
from cqrs_demo.order_service.saga.definition import CANCEL_WITHOUT_CREDIT
from cqrs_demo.order_service.saga.process import happens, lock_sagas, read_order, take
from cqrs_demo.outbox.append import Cause
from cqrs_demo.outbox.retries import Accepted, KeyReused, fingerprint

BY_KEY = """
select orders.*, first.request_hash as cancel_hash
from demo.cancel_keys as first join demo.orders on orders.id = first.order_id
where first.idempotency_key = %s
"""

LOCK_ORDER = "select from orders where id = %s for update"

# Returns nothing when the key is taken: by another request at this moment.
KEEP_KEY = """
insert into cancel_keys (idempotency_key, request_hash, order_id) values (%s, %s, %s)
on conflict do nothing
returning idempotency_key
"""


class _KeyTaken(Exception):
    """Rolls the transaction back."""


class Reason(Input):
    reason: LongText | None = None


class CancelOrder(Reason):
    order_id: Id


class OrderIsPending(Conflict):
    code = "order-pending"

    def __init__(self, order_id: int) -> None:
        super().__init__(f"order {order_id} waits for its credit; try again when that is decided")


class OrderWasRejected(Conflict):
    code = "order-rejected"

    def __init__(self, order_id: int) -> None:
        super().__init__(f"order {order_id} was rejected: there is nothing to cancel")


async def cancel_order(
    pool: Pool, command: CancelOrder, idempotency_key: str | None, traceparent: str | None = None
) -> Accepted:
    """The order as it is then, committed together with the event. Raises NotFound, OrderIsPending,
    OrderWasRejected; and KeyReused when the key came with another order or reason before."""
    if (earlier := await _first_answer(pool, command, idempotency_key)) is not None:
        return earlier
    asked = Cause(traceparent=traceparent)
    try:
        async with pool.connection() as connection, connection.transaction():
            cancelled = await _cancel(connection, command, asked)
            if idempotency_key is not None:
                await _keep(connection, command, idempotency_key)
            return Accepted(cancelled)
    except _KeyTaken:
        earlier = await _first_answer(pool, command, idempotency_key)
        assert earlier is not None, "a key is taken by a cancel that is committed"
        return earlier


async def _cancel(connection: Connection, command: CancelOrder, asked: Cause) -> dict[str, Any]:
    """The transaction. Locks are taken in the order that all keep: the saga, then the order."""
    id = command.order_id
    await lock_sagas(connection, [id])
    await connection.execute(LOCK_ORDER, [id])
    order = await read_order(connection, id)
    if order is None:
        raise NotFound(f"there is no order {id}")
    if order["status"] == "pending":
        raise OrderIsPending(id)
    if order["status"] == "rejected":
        raise OrderWasRejected(id)
    if order["status"] == "cancelled":
        return order
    if order["needs_credit"]:
        await happens(connection, order, "cancel", command.reason, asked)
    else:
        await take(connection, order, CANCEL_WITHOUT_CREDIT, command.reason, asked)
    cancelled = await read_order(connection, id)
    assert cancelled is not None
    return cancelled


async def _keep(connection: Connection, command: CancelOrder, key: str) -> None:
    """In the same transaction: the key, also when the order was cancelled before."""
    values = [key, fingerprint(command), command.order_id]
    if await (await connection.execute(KEEP_KEY, values)).fetchone() is None:
        raise _KeyTaken


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
