"""Orders became things that are pending, rejected and cancelled: what the new schemas make of rows
from before, when an order was an order."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from cqrs_demo.contract.events import Unknown, decode, encode
from cqrs_demo.database import Pool, pool_for
from cqrs_demo.inbox.handler import apply_once
from cqrs_demo.invoice_service.projections import READ_MODEL
from cqrs_demo.invoice_service.projections.invoices import monthly_invoice
from cqrs_demo.order_service.cancel import CancelOrder, cancel_order
from cqrs_demo.order_service.fold import FOLDS
from cqrs_demo.outbox.fold import verify_fold
from cqrs_demo.tooling.runtime import migrations
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres

APRIL = datetime(2025, 4, 1, tzinfo=UTC)
PLACED = """
with event as (
    insert into demo.events (id, type, subject, data)
    select uuidv7(), 'order.created', n::text, jsonb_build_object('id', n, 'user_id', 7,
        'description', 'Widget', 'amount', n * 1000.00, 'purchase_dt', '2025-04-01T00:00:00Z')
    from generate_series(1, 2) as n
    returning id, data
)
insert into demo.orders (user_id, description, amount, purchase_dt, event_id)
select 7, 'Widget', (data ->> 'amount')::numeric, '2025-04-01T00:00:00Z', id
from event order by data -> 'id'
"""
INVOICED = """
insert into demo.invoice_account (user_id) values (7);
insert into demo.invoices (invoice_id, user_id, invoice_dt, total)
values ('{id}', 7, '{month}', 75.00);
insert into demo.invoice_lines
    (order_id, invoice_id, description, amount, purchase_dt, happened_at)
values (1, '{id}', 'Widget', 50.00, '{month}', '{month}'),
    (2, '{id}', 'Cable', 25.00, '{month}', '{month}');
insert into demo.customer_revenue (month, user_id, orders, revenue) values ('{month}', 7, 2, 75.00);
"""


class Upgraded:
    """A database that was filled under an older schema, after its migration."""

    def __init__(self, admin: str) -> None:
        self._admin = admin

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._admin) as connection:
            return connection.execute(query).fetchall()  # type: ignore[call-overload,no-any-return]

    def run(self, action: Callable[[Pool], Awaitable[Any]]) -> Any:
        async def with_pool() -> Any:
            async with pool_for(self._admin, "test") as pool:
                return await action(pool)

        return asyncio.run(with_pool())


@contextmanager
def upgraded(
    server: EmbeddedPostgres, folders: tuple[str, ...], new: tuple[str, ...], filled: str
) -> Iterator[Upgraded]:
    """A database without these new files, filled, and then migrated."""
    name = f"upgraded_{uuid4().hex[:6]}"
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute(sql.SQL("create role {}").format(sql.Identifier(name)))  # as its service's
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        dsn = make_conninfo(server.dsn(), dbname=name)
        with psycopg.connect(dsn) as connection:
            # A file that is said to be applied is left out.
            migrations._apply(connection, ())
            for file in new:
                connection.execute("insert into demo.schema_files (name) values (%s)", [file])
            migrations._apply(connection, folders)
            connection.execute(filled)  # type: ignore[call-overload]
            connection.execute("delete from demo.schema_files where name = any(%s)", [list(new)])
            assert migrations._apply(connection, folders) == list(new)
        yield Upgraded(dsn)
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
        admin.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


@pytest.fixture
def orders(migrated: EmbeddedPostgres) -> Iterator[Upgraded]:
    """Two orders from before, of 1,000.00 and 2,000.00."""
    new = ("outbox/003_story.sql", "outbox/004_story_index.sql", "order_service/002_saga.sql")
    with upgraded(migrated, ("shared", "outbox", "order_service"), new, PLACED) as database:
        yield database


@pytest.fixture
def invoices(migrated: EmbeddedPostgres) -> Iterator[Upgraded]:
    """An invoice from before, with two lines."""
    new = tuple(
        f"invoice_service/{name}.sql"
        for name in ("007_revenue_orders", "008_edited_letters", "009_status")
    )
    filled = INVOICED.format(id=monthly_invoice(7, APRIL), month=APRIL)
    with upgraded(migrated, ("shared", "invoice_service"), new, filled) as database:
        yield database


def test_an_order_from_before_is_approved_and_needed_no_credit_as_its_log_says(
    orders: Upgraded,
) -> None:
    # Then each is approved, however large it is, and none has a saga
    assert orders.rows("select id, status, needs_credit, reason from demo.orders order by id") == [
        (1, "approved", False, None),
        (2, "approved", False, None),
    ]

    # And the log, whose events tell of no status, adds up to the same
    for fold in FOLDS:
        assert orders.run(lambda pool, fold=fold: verify_fold(pool, fold))["drift"] == 0


def test_an_order_from_before_can_be_cancelled_and_gives_no_credit_back(orders: Upgraded) -> None:
    # When it is cancelled
    orders.run(lambda pool: cancel_order(pool, CancelOrder(order_id=2), None))

    # Then that is all that is told, and it belongs to the story of the order
    assert orders.rows("""
        select new.type, new.correlationid = old.id
        from demo.events as old join demo.events as new using (subject)
        where old.type = 'order.created' and new.sequence > old.sequence
    """) == [("order.cancelled", True)]


def test_lines_from_before_are_approved_and_counted_in_revenue_order_by_order(
    invoices: Upgraded,
) -> None:
    assert invoices.rows(
        "select order_id, ordered_by, status::text, ended_at from demo.invoice_lines order by 1"
    ) == [(1, 7, "approved", None), (2, 7, "approved", None)]
    assert invoices.rows(
        "select order_id, user_id, month, amount, approved, ended "
        "from demo.revenue_orders order by 1"
    ) == [
        (1, 7, APRIL, Decimal("50.00"), True, False),
        (2, 7, APRIL, Decimal("25.00"), True, False),
    ]


CANCELLED = ("order.cancelled", '{"id": 1, "user_id": 7}')
TOLD_AGAIN = (
    "order.created",
    '{"id": 1, "user_id": 7, "description": "Widget", "amount": 50.00, '
    '"purchase_dt": "2025-04-01T00:00:00Z"}',
)


@pytest.mark.parametrize(
    ("news", "left"),
    [(CANCELLED, (1, Decimal("25.00"))), (TOLD_AGAIN, (2, Decimal("75.00")))],
    ids=["cancelled", "told of again"],
)
def test_an_order_from_before_counts_once_and_until_it_is_cancelled(
    invoices: Upgraded, news: tuple[str, str], left: tuple[int, Decimal]
) -> None:
    # When an event tells of an order that was on the invoice before
    kind, data = news
    event = decode(
        encode(
            "/order-service", id=uuid4(), sequence=9, type=kind, subject="1", time=APRIL, data=data
        )
    )
    assert not isinstance(event, Unknown)

    async def apply(pool: Pool) -> None:
        async with pool.connection() as connection, connection.transaction():
            await apply_once(connection, READ_MODEL, [event])

    invoices.run(apply)

    # Then invoice and revenue agree
    assert invoices.rows("select total from demo.invoices") == [left[1:]]
    assert invoices.rows("select orders, revenue from demo.customer_revenue") == [left]
