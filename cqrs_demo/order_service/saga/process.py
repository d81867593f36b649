"""The saga's steps: what happens to an order that needs credit, and what follows from it.

A step is taken in the transaction of whoever brings the news: the consumer with an answer of
payment-service (and its inbox row), the sweep, or the cancel command. Order, saga and the events to
send go in together. The saga's row is locked first, so two of them never both decide. Next:
definition.py says which step; inbox/handler.py calls Saga.
"""

from collections.abc import Sequence
from typing import Any

from psycopg.types.json import Jsonb

from cqrs_demo.contract.events import (
    EndedOrder,
    KnownEvent,
    Order,
    OrderApproved,
    OrderReference,
    PaymentRefused,
    PaymentReleased,
    PaymentReserved,
    ReleaseRequested,
    type_of,
)
from cqrs_demo.database import Connection
from cqrs_demo.order_service.saga.definition import SAGA, Happening, Step
from cqrs_demo.outbox.append import Cause, NewEvent, append, caused_by, new_event

ANSWERS = (PaymentReserved, PaymentRefused, PaymentReleased)

# In key order, so that two batches cannot each hold what the other wants.
LOCK = "select from order_sagas where order_id = any(%b) order by order_id for update"

ORDER = """
select orders.*, saga.state as saga_state
from orders left join order_sagas as saga on saga.order_id = orders.id
where id = %s
"""

MOVE_ORDER = """
update orders
set status = %(state)s, reason = %(reason)s,
    cancelled_event_id = case when %(state)s = 'cancelled' then %(told_by)s::uuid end
where id = %(order_id)s
"""

MOVE_SAGA = """
update order_sagas
set state = %(state)s, history = history || jsonb_build_array(
    jsonb_build_object('at', demo.rfc3339(clock_timestamp())) || %(entry)s
)
where order_id = %(order_id)s
"""


class Saga:
    """What the consumer hands its events to. Both calls are part of its transaction."""

    async def lock(self, connection: Connection, events: Sequence[KnownEvent]) -> None:
        orders = {event.data.order_id for event in events if isinstance(event, ANSWERS)}
        await lock_sagas(connection, sorted(orders))

    async def apply(self, connection: Connection, events: Sequence[KnownEvent]) -> None:
        for event in events:
            if isinstance(event, ANSWERS):
                reason = event.data.reason if isinstance(event, PaymentRefused) else None
                order = await read_order(connection, event.data.order_id)
                if order is not None and order["saga_state"] is not None:
                    await happens(connection, order, type(event), reason, caused_by(event))


async def lock_sagas(connection: Connection, order_ids: Sequence[int]) -> None:
    await connection.execute(LOCK, [list(order_ids)], prepare=True)


async def read_order(connection: Connection, order_id: int) -> dict[str, Any] | None:
    """The row, and the state of its saga, if it has one."""
    return await (await connection.execute(ORDER, [order_id], prepare=True)).fetchone()


async def happens(
    connection: Connection,
    order: dict[str, Any],
    happening: Happening,
    reason: str | None,
    cause: Cause,
) -> None:
    """Something happens to an order whose saga's row is locked. What the definition does not expect
    in this state is noted in the history, and changes nothing."""
    step = SAGA.get((order["saga_state"], happening))
    sent = await take(connection, order, step, reason, cause) if step else []
    entry = {
        "event": happening if isinstance(happening, str) else type_of(happening),
        "event_id": cause.event and str(cause.event),
        "state": step.state if step else order["saga_state"],
        "sent": [event.type for event in sent],
    }
    values = {"order_id": order["id"], "state": entry["state"], "entry": Jsonb(entry)}
    await connection.execute(MOVE_SAGA, values, prepare=True)


async def take(
    connection: Connection,
    order: dict[str, Any],
    step: Step,
    reason: str | None,
    cause: Cause,
) -> list[NewEvent]:
    """The order goes on to the step's state, and its events into log and outbox. Returns them. Each
    is led to by the one before it; the first by `cause`."""
    sent: list[NewEvent] = []
    for kind in step.sends:
        led_by = sent[-1].cause if sent else cause
        data = _data(kind, order, reason)
        sent.append(new_event(kind, data, led_by, correlation=order["event_id"]))
    values = {"order_id": order["id"], "state": step.state, "reason": reason}
    await connection.execute(MOVE_ORDER, {**values, "told_by": sent[0].id}, prepare=True)
    await append(connection, sent)
    return sent


def _data(kind: type[KnownEvent], order: dict[str, Any], reason: str | None) -> Any:
    if kind is OrderApproved:
        told = ("id", "user_id", "description", "amount", "purchase_dt")
        return Order(**{name: order[name] for name in told})
    if kind is ReleaseRequested:
        return OrderReference(order_id=order["id"], user_id=order["user_id"])
    return EndedOrder(id=order["id"], user_id=order["user_id"], reason=reason)
