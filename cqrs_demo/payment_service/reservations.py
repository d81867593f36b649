"""What requests for credit do: reserve it or refuse, and give it back.

The consumer hands them over like a projection's events, in the transaction that also holds their
inbox rows; so the credit, the reservation and the event that answers go in together. This service
answers, and knows nothing of what becomes of an order. A release may come before its reservation:
it leaves a tombstone, and the late reservation is refused. Next: inbox/handler.py, which calls
this; order_service/saga/, which asks.
"""

from collections.abc import Sequence
from dataclasses import asdict

from cqrs_demo.contract.events import (
    KnownEvent,
    PaymentRefused,
    PaymentReleased,
    PaymentReserved,
    RefusedReservation,
    ReleaseRequested,
    Reservation,
    ReservationRequested,
)
from cqrs_demo.database import Connection
from cqrs_demo.outbox.append import NewEvent, append, caused_by, new_event
from cqrs_demo.payment_service.credit import lock_credits

# One statement sees one snapshot, and the user's credit is locked: nobody decides beside us.
RESERVE = """
with known as (
    select from reservations where order_id = %(order_id)s
),
taken as (
    update credits set reserved = reserved + %(amount)s
    where user_id = %(user_id)s and reserved + %(amount)s <= credit_limit
      and not exists (select from known)
    returning user_id
)
insert into reservations (order_id, user_id, amount, state)
select %(order_id)s, %(user_id)s, %(amount)s,
    case when exists (select from taken) then 'reserved' else 'refused' end
on conflict (order_id) do update set amount = excluded.amount, state = 'refused'
where reservations.amount is null  -- a tombstone; any other was answered before
returning state, exists (select from known) as came_late
"""

RELEASE = """
with ended as (
    update reservations set state = 'released'
    where order_id = %(order_id)s and state = 'reserved'
    returning user_id, amount
),
given_back as (
    update credits set reserved = reserved - ended.amount
    from ended
    where credits.user_id = ended.user_id
),
tombstone as (
    insert into reservations (order_id, user_id, state)
    values (%(order_id)s, %(user_id)s, 'released')
    on conflict do nothing  -- it is there: reserved, refused, or released before
)
select amount from ended
"""

LEFT = "select credit_limit - reserved as available from credits where user_id = %s"


class Reservations:
    async def lock(self, connection: Connection, events: Sequence[KnownEvent]) -> None:
        asked = [e for e in events if isinstance(e, ReservationRequested | ReleaseRequested)]
        await lock_credits(connection, sorted({event.data.user_id for event in asked}))

    async def apply(self, connection: Connection, events: Sequence[KnownEvent]) -> None:
        answers = [await _answer(connection, event) for event in events]
        await append(connection, [answer for answer in answers if answer is not None])


async def _answer(connection: Connection, event: KnownEvent) -> NewEvent | None:
    if isinstance(event, ReservationRequested):
        return await _reserve(connection, event)
    if isinstance(event, ReleaseRequested):
        return await _release(connection, event)
    return None


async def _reserve(connection: Connection, event: ReservationRequested) -> NewEvent | None:
    asked = event.data
    row = await (await connection.execute(RESERVE, asdict(asked), prepare=True)).fetchone()
    if row is None:  # answered before
        return None
    if row["state"] == "reserved":
        return _answer_to(event, PaymentReserved, asked)
    reason = "it was released before it came"
    if not row["came_late"]:
        left = await (await connection.execute(LEFT, [asked.user_id], prepare=True)).fetchone()
        assert left is not None
        reason = f"it needs {asked.amount:,.2f}, and {left['available']:,.2f} of credit are left"
    return _answer_to(event, PaymentRefused, RefusedReservation(**asdict(asked), reason=reason))


async def _release(connection: Connection, event: ReleaseRequested) -> NewEvent | None:
    """None when nothing was reserved: then there is nothing to tell."""
    asked = event.data
    row = await (await connection.execute(RELEASE, asdict(asked), prepare=True)).fetchone()
    if row is None:
        return None
    given_back = Reservation(**asdict(asked), amount=row["amount"])
    return _answer_to(event, PaymentReleased, given_back)


def _answer_to(event: KnownEvent, kind: type[KnownEvent], data: Reservation) -> NewEvent:
    story = event.correlationid or event.id
    return new_event(kind, data, caused_by(event), correlation=story)
