"""Place an order: the command that this service is for.

The transaction is the one statement below. State row, event row and outbox row go in together or
not at all: there is no moment at which one exists without the others, so no order can lack its
event and no event can tell of an order that is not. An order that needs credit begins its saga in
the same statement: saga/definition.py tells how it goes on. Next: outbox/relay.py, which takes the
event from the outbox to the broker.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from cqrs_demo.contract.events import Id, OrderCreated, ReservationRequested, type_of
from cqrs_demo.contract.schemas import schema_of
from cqrs_demo.database import Pool
from cqrs_demo.input import Amount, DateTime, Input, LongText
from cqrs_demo.outbox.payload import payload
from cqrs_demo.outbox.retries import Accepted, first_answer, retry_columns
from cqrs_demo.outbox.submit import Row, Submit, by_position, numbered, trace_column

PLACE_ORDERS = f"""
with command as (
    select uuidv7() as event_id, c.*
    from jsonb_to_recordset(%(commands)s::jsonb) as c (
        position int, user_id bigint, description text, amount numeric, purchase_dt timestamptz,
        pending boolean, deadline numeric, traceparent text, idempotency_key text,
        request_hash text
    )
),
state as (
    insert into demo.orders (user_id, description, amount, purchase_dt, status, needs_credit,
        event_id, idempotency_key, request_hash)
    select user_id, description, amount, coalesce(purchase_dt, now()),
        case when pending then 'pending' else 'approved' end, coalesce(pending, false),
        event_id, idempotency_key, request_hash
    from command
    order by idempotency_key
    on conflict do nothing  -- a retry: its key is taken, the first order stands
    returning *, id as order_id
),
saga as (
    insert into demo.order_sagas (order_id, deadline, history)
    select id, clock_timestamp() + make_interval(secs => deadline),
        jsonb_build_array(jsonb_build_object(
            'at', demo.rfc3339(clock_timestamp()), 'event', 'place', 'event_id', null,
            'state', 'reserving', 'sent', jsonb_build_array('{type_of(OrderCreated)}',
                '{type_of(ReservationRequested)}')))
    from state
    join command using (event_id)
    where needs_credit
),
news as (
    select event_id as id, '{type_of(OrderCreated)}' as type, event_id as story,
        null::uuid as cause, '{schema_of(OrderCreated)}' as dataschema, user_id, order_id,
        {payload(OrderCreated)} as data
    from state
    union all
    select uuidv7(), '{type_of(ReservationRequested)}', event_id,
        event_id, '{schema_of(ReservationRequested)}', user_id, order_id,
        {payload(ReservationRequested)}
    from state
    where needs_credit
),
event as (
    insert into demo.events (id, type, subject, partitionkey, correlationid, causationid,
        dataschema, traceparent, data)
    select id, type, order_id::text, user_id::text, story, cause, dataschema, traceparent,
        data
    from news join (select event_id as story, traceparent from command) as trace using (story)
    order by order_id, type
    returning sequence, id
),
outbox as (
    insert into demo.outbox (sequence, event_id)
    select sequence, id from event
)
select command.position, state.id, state.user_id, state.description, state.amount,
    state.purchase_dt, state.status, state.event_id
from state
join command using (event_id)
"""  # noqa: S608  # made of the contract, not of input


@dataclass(frozen=True, slots=True)
class Approval:
    """Orders from `threshold` on need credit, and payment-service has `deadline` seconds to
    answer."""

    threshold: Decimal
    deadline: float

    def columns(self, amount: Decimal) -> Row:
        """What the command for such an order has besides: most orders nothing."""
        if amount < self.threshold:
            return {}
        return {"pending": True, "deadline": self.deadline}


class PlaceOrder(Input):
    """Whether the user exists is not asked: this service does not know users."""

    user_id: Id
    description: LongText
    amount: Amount
    purchase_dt: DateTime | None = None


async def place_orders(pool: Pool, commands: Sequence[Row]) -> list[Row | None]:
    """The transaction: these orders, each with its event; a pending one with its saga, too, and the
    request for credit. None for one whose key is taken."""
    async with pool.connection() as connection:
        placed = await connection.execute(PLACE_ORDERS, numbered(commands), prepare=True)
        return by_position(await placed.fetchall(), len(commands))


async def place_order(
    orders: Submit,
    pool: Pool,
    approval: Approval,
    command: PlaceOrder,
    idempotency_key: str | None,
    traceparent: str | None = None,
) -> Accepted:
    """The order, committed together with its event. Raises KeyReused when the key came with another
    body before."""
    credit, retry = approval.columns(command.amount), retry_columns(command, idempotency_key)
    row = await orders.submit({**vars(command), **credit, **retry, **trace_column(traceparent)})
    if row is not None:
        return Accepted(row)
    earlier = await first_answer(pool, "orders", command, idempotency_key)
    assert earlier is not None, "only a taken key refuses an order"
    # As it was answered then, whatever has become of the order.
    first = "pending" if earlier.row["needs_credit"] else "approved"
    return Accepted({**earlier.row, "status": first}, replayed=True)
