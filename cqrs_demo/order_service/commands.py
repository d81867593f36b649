"""Place an order: the whole write side of this service.

The transaction is the one statement below. State row, event row and outbox row go in together or
not at all: there is no moment at which one exists without the others, so no order can lack its
event and no event can tell of an order that is not. Next: outbox/relay.py, which takes the event
from the outbox to the broker.
"""

from collections.abc import Sequence

from cqrs_demo.contract.events import Id, OrderCreated
from cqrs_demo.database import Pool
from cqrs_demo.input import Amount, DateTime, Input, LongText
from cqrs_demo.outbox.payload import payload, type_of
from cqrs_demo.outbox.retries import Accepted, first_answer, retry_columns
from cqrs_demo.outbox.submit import Row, Submit, by_position, numbered

PLACE_ORDERS = f"""
with command as (
    select uuidv7() as event_id, c.*
    from jsonb_to_recordset(%(commands)s::jsonb) as c (
        position int, user_id bigint, description text, amount numeric, purchase_dt timestamptz,
        idempotency_key text, request_hash text
    )
),
state as (
    insert into demo.orders (user_id, description, amount, purchase_dt, event_id, idempotency_key,
        request_hash)
    select user_id, description, amount, coalesce(purchase_dt, now()), event_id, idempotency_key,
        request_hash
    from command
    order by idempotency_key
    on conflict do nothing  -- a retry: its key is taken, the first order stands
    returning *
),
event as (
    insert into demo.events (id, type, subject, data)
    select event_id, '{type_of(OrderCreated)}', id::text, {payload(OrderCreated)}
    from state
    order by id
    returning sequence, id
),
outbox as (
    insert into demo.outbox (sequence, event_id)
    select sequence, id from event
)
select command.position, state.id, state.user_id, state.description, state.amount,
    state.purchase_dt, state.event_id
from state
join command using (event_id)
"""  # noqa: S608  # made of the contract, not of input


class PlaceOrder(Input):
    """Whether the user exists is not asked: this service does not know users."""

    user_id: Id
    description: LongText
    amount: Amount
    purchase_dt: DateTime | None = None


async def place_orders(pool: Pool, commands: Sequence[Row]) -> list[Row | None]:
    """The transaction: these orders, each with its event. None for one whose key is taken."""
    async with pool.connection() as connection:
        placed = await connection.execute(PLACE_ORDERS, numbered(commands), prepare=True)
        return by_position(await placed.fetchall(), len(commands))


async def place_order(
    orders: Submit, pool: Pool, command: PlaceOrder, idempotency_key: str | None
) -> Accepted:
    """The order, committed together with its event. Raises KeyReused when the key came with another
    body before."""
    row = await orders.submit({**vars(command), **retry_columns(command, idempotency_key)})
    if row is not None:
        return Accepted(row)
    earlier = await first_answer(pool, "orders", command, idempotency_key)
    assert earlier is not None, "only a taken key refuses an order"
    return earlier
