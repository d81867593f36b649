"""Invoices: what users, accounts and orders do to them.

- A user's name and email, and the shipping address, belong to the event with the highest sequence
  seen so far.
- An order is a line keyed by its order id. Of all that is told of it the highest status wins:
  pending < approved < rejected or cancelled. A total is the sum of the approved lines.
- An order may come before its user or account, and its cancellation before the order; then the
  row waits with nulls, and the later event fills them in.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from uuid import UUID, uuid5

from cqrs_demo.contract.events import (
    Account,
    AccountCreated,
    EndedOrder,
    KnownEvent,
    Order,
    OrderRejected,
    PlacedOrder,
    UserCreated,
)
from cqrs_demo.database import Connection
from cqrs_demo.invoice_service.projections.read_model import OrderEvent, concerned, month_of

NAMESPACE = UUID("6f1c2f0e-5d0b-4c55-9f2c-0f3a1d6f4b11")

LEARN_USERS = """
with news as (
    select *
    from unnest(%b::bigint[], %b::bigint[], %b::timestamptz[], %b::text[], %b::text[])
        as n (user_id, sequence, happened_at, name, email)
),
remembered as (
    insert into user_history (user_id, sequence, happened_at, name, email)
    select * from news
    on conflict do nothing
)
update invoice_account as known
set name = newest.name, email = newest.email, user_sequence = newest.sequence
from (select distinct on (user_id) * from news order by user_id, sequence desc) as newest
where known.user_id = newest.user_id
  and newest.sequence > coalesce(known.user_sequence, -1)
"""

LEARN_ADDRESSES = """
with news as (
    select *
    from unnest(%b::bigint[], %b::bigint[], %b::timestamptz[], %b::text[])
        as n (user_id, sequence, happened_at, shipping_address)
),
remembered as (
    insert into address_history (user_id, sequence, happened_at, shipping_address)
    select * from news
    on conflict do nothing
)
update invoice_account as known
set shipping_address = newest.shipping_address, account_sequence = newest.sequence
from (select distinct on (user_id) * from news order by user_id, sequence desc) as newest
where known.user_id = newest.user_id
  and newest.sequence > coalesce(known.account_sequence, -1)
"""

# An invoice is there as soon as one of its orders was approved, whatever became of it then.
ADD_LINES = """
with news as (
    select order_id, any_value(user_id) as user_id, max(status::demo.line_status) as status,
        any_value(invoice_id) as invoice_id, any_value(description) as description,
        any_value(amount) as amount, any_value(purchase_dt) as purchase_dt,
        min(happened_at) as happened_at, min(ended_at) as ended_at
    from unnest(%b::bigint[], %b::bigint[], %b::text[], %b::uuid[], %b::text[], %b::numeric[],
        %b::timestamptz[], %b::timestamptz[], %b::timestamptz[])
        as n (order_id, user_id, status, invoice_id, description, amount, purchase_dt,
            happened_at, ended_at)
    group by order_id
),
line as (
    insert into invoice_lines as known (order_id, ordered_by, status, invoice_id, description,
        amount, purchase_dt, happened_at, ended_at)
    select order_id, user_id, status, invoice_id, description, amount, purchase_dt, happened_at,
        ended_at
    from news
    order by order_id
    on conflict (order_id) do update set
        ordered_by = coalesce(known.ordered_by, excluded.ordered_by),
        status = greatest(known.status, excluded.status),
        invoice_id = coalesce(known.invoice_id, excluded.invoice_id),
        description = coalesce(known.description, excluded.description),
        amount = coalesce(known.amount, excluded.amount),
        purchase_dt = coalesce(known.purchase_dt, excluded.purchase_dt),
        happened_at = least(known.happened_at, excluded.happened_at),
        ended_at = least(known.ended_at, excluded.ended_at)
    returning new.invoice_id, new.ordered_by as user_id, new.purchase_dt, new.happened_at,
        case when new.status = 'approved' then new.amount else 0 end
        - case when old.status = 'approved' then old.amount else 0 end as change
)
insert into invoices (invoice_id, user_id, invoice_dt, email, shipping_address, total)
select invoice_id, user_id, date_trunc('month', purchase_dt, 'UTC') as invoice_dt, known.email,
    known.shipping_address, sum(change)
from line
join invoice_account as known using (user_id)
where invoice_id is not null and happened_at is not null
group by invoice_id, user_id, invoice_dt, known.email, known.shipping_address
order by invoice_id
on conflict (invoice_id) do update set total = invoices.total + excluded.total
"""

COPY_TO_INVOICES = """
update invoices
set email = known.email, shipping_address = known.shipping_address
from invoice_account as known
where invoices.user_id = known.user_id
  and known.user_id = any(%b)
  and (invoices.email, invoices.shipping_address) is distinct from (known.email,
      known.shipping_address)
"""


class Invoices:
    """One invoice per user and month, its lines, and what is known of its user."""

    tables = ("address_history", "invoice_account", "invoice_lines", "invoices", "user_history")

    async def apply(self, connection: Connection, events: Sequence[KnownEvent]) -> None:
        users = [event for event in events if isinstance(event, UserCreated)]
        accounts = [event for event in events if isinstance(event, AccountCreated)]
        orders = [event for event in events if isinstance(event, OrderEvent)]
        if users:
            await _learn_users(connection, users)
        if accounts:
            await _learn_addresses(connection, accounts)
        if orders:
            await _add_lines(connection, orders)
        if users or accounts:
            renamed, moved = map(concerned, users), map(concerned, accounts)
            changed = sorted({*renamed, *moved})
            await connection.execute(COPY_TO_INVOICES, [changed], prepare=True)


async def _learn_users(connection: Connection, events: Iterable[UserCreated]) -> None:
    rows = [
        (event.data.id, event.sequence, event.time, event.data.name, event.data.email)
        for event in events
    ]
    await connection.execute(LEARN_USERS, columns(rows), prepare=True)


async def _learn_addresses(connection: Connection, events: Iterable[AccountCreated]) -> None:
    rows = [
        (event.data.user_id, event.sequence, event.time, shipping_address(event.data))
        for event in events
    ]
    await connection.execute(LEARN_ADDRESSES, columns(rows), prepare=True)


async def _add_lines(connection: Connection, events: Iterable[OrderEvent]) -> None:
    await connection.execute(ADD_LINES, columns([_line(event) for event in events]), prepare=True)


def _line(event: OrderEvent) -> tuple[object, ...]:
    """What the event tells of the order's line, and None for what it does not: the columns of
    `news`."""
    order = event.data
    if isinstance(order, EndedOrder):
        ended = "rejected" if isinstance(event, OrderRejected) else "cancelled"
        return order.id, order.user_id, ended, None, None, None, None, None, event.time
    status = order.status if isinstance(order, PlacedOrder) else "approved"
    approved_at = event.time if status == "approved" else None
    placed = invoice_of(order), order.description, order.amount, order.purchase_dt
    return order.id, order.user_id, status, *placed, approved_at, None


def columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


def shipping_address(account: Account) -> str:
    return f"{account.address1}, {account.city}, {account.state} {account.zip}"


def invoice_of(order: Order) -> UUID:
    """The id of the invoice on which the order stands."""
    return monthly_invoice(order.user_id, month_of(order.purchase_dt))


@lru_cache(maxsize=50_000)
def monthly_invoice(user_id: int, month: datetime) -> UUID:
    """UUIDv5: the same user and month always give the same invoice, also when the read model is
    built anew."""
    return uuid5(NAMESPACE, f"{user_id}/{month.year:04}-{month.month:02}")
