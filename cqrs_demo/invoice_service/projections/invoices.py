"""Invoices: what users, accounts and orders do to them.

- A user's name and email, and the shipping address, belong to the event with the highest sequence
  seen so far.
- An order is a line keyed by its order id, and a total is a sum. An order may come before its user
  or account; then the invoice waits with nulls, and the later event fills them in.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from uuid import UUID, uuid5

from cqrs_demo.contract.events import (
    Account,
    AccountCreated,
    KnownEvent,
    Order,
    OrderCreated,
    UserCreated,
)
from cqrs_demo.database import Connection
from cqrs_demo.invoice_service.projections.read_model import concerned, month_of

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

ADD_LINES = """
with placed as (
    select *
    from unnest(%b::bigint[], %b::uuid[], %b::bigint[], %b::timestamptz[], %b::text[],
        %b::numeric[], %b::timestamptz[], %b::timestamptz[])
        as o (order_id, invoice_id, user_id, invoice_dt, description, amount, purchase_dt,
            happened_at)
),
line as (
    insert into invoice_lines (order_id, invoice_id, description, amount, purchase_dt, happened_at)
    select order_id, invoice_id, description, amount, purchase_dt, happened_at
    from placed
    order by order_id
    on conflict do nothing
    returning order_id
)
insert into invoices (invoice_id, user_id, invoice_dt, email, shipping_address, total)
select invoice_id, user_id, invoice_dt, known.email, known.shipping_address, sum(amount)
from placed
join line using (order_id)
join invoice_account as known using (user_id)
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
        orders = [event for event in events if isinstance(event, OrderCreated)]
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


async def _add_lines(connection: Connection, events: Iterable[OrderCreated]) -> None:
    placed = {event.data.id: event for event in events}
    orders = [event.data for event in placed.values()]
    invoices = [invoice_of(order) for order in orders]
    values = [
        list(placed),
        [invoice_id for invoice_id, _ in invoices],
        [order.user_id for order in orders],
        [invoice_dt for _, invoice_dt in invoices],
        [order.description for order in orders],
        [order.amount for order in orders],
        [order.purchase_dt for order in orders],
        [event.time for event in placed.values()],
    ]
    await connection.execute(ADD_LINES, values, prepare=True)


def columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


def shipping_address(account: Account) -> str:
    return f"{account.address1}, {account.city}, {account.state} {account.zip}"


def invoice_of(order: Order) -> tuple[UUID, datetime]:
    """The id of the invoice on which the order stands, and the first instant of its month, in
    UTC."""
    return monthly_invoice(order.user_id, month_of(order.purchase_dt))


@lru_cache(maxsize=50_000)
def monthly_invoice(user_id: int, month: datetime) -> tuple[UUID, datetime]:
    """UUIDv5: the same user and month always give the same invoice, also when the read model is
    built anew."""
    return uuid5(NAMESPACE, f"{user_id}/{month.year:04}-{month.month:02}"), month
