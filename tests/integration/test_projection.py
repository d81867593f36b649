"""The projection commutes: whatever the order, the duplicates, the batches and the number of
consumers, the same tables."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cqrs_demo.contract.events import (
    Account,
    AccountCreated,
    EndedOrder,
    Event,
    Order,
    OrderApproved,
    OrderCancelled,
    OrderCreated,
    OrderRejected,
    PlacedOrder,
    User,
    UserCreated,
    type_of,
)
from cqrs_demo.database import connect
from cqrs_demo.inbox.handler import apply_once
from cqrs_demo.invoice_service.projections import READ_MODEL
from cqrs_demo.invoice_service.projections.invoices import NAMESPACE
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from tests.fixtures.shop import Databases, cloned_databases

TABLES = {
    "invoice_account": "user_id, name, email, user_sequence, shipping_address, account_sequence",
    "invoices": "invoice_id, user_id, invoice_dt, email, shipping_address, total",
    "invoice_lines": "order_id, ordered_by, status::text, invoice_id, description, amount, "
    "purchase_dt",
    "customer_revenue": "month, user_id, orders, revenue",
    "revenue_orders": "order_id, user_id, month, amount, approved, ended",
    "processed_events": "event_id",
}
START = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def invoice_database(migrated: EmbeddedPostgres) -> Iterator[Databases]:
    with cloned_databases(migrated, "invoice_service") as databases:
        yield databases


def event(kind: type[Any], source: str, sequence: int, data: Any) -> Any:
    number = sequence + (1_000_000 if source == "/order-service" else 0)
    return kind(
        specversion="1.0",
        id=UUID(int=number),
        source=source,
        type=type_of(kind),
        subject=str(data.id),
        time=START,
        sequence=sequence,
        data=data,
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """What could have happened: users, some with several accounts, orders over months, also by
    users never heard of; orders that wait for their credit, get it or do not, and are cancelled."""
    users = draw(st.integers(0, 3))
    people: list[Event] = [
        event(UserCreated, "/user-service", n, User(id=n, name=f"user {n}", email=f"{n}@demo.com"))
        for n in range(1, users + 1)
    ]
    owners = draw(st.lists(st.integers(1, 3), max_size=5))
    people += [
        event(
            AccountCreated,
            "/user-service",
            10 + n,
            Account(
                id=n, user_id=owner, address1=f"{n} Main St", city="Cityville", state="ST", zip="1"
            ),
        )
        for n, owner in enumerate(owners, 1)
    ]
    placed = draw(
        st.lists(
            st.tuples(
                st.integers(1, 4),
                st.integers(1, 10**6),
                st.integers(0, 90 * 24),
                st.sampled_from(sorted(STORIES)),
            ),
            max_size=12,
        )  # user, cents, hours, what becomes of it
    )
    return people + [e for n, order in enumerate(placed, 1) for e in _story_of(n, *order)]


STORIES: dict[str, tuple[type[Any], ...]] = {
    "pending": (OrderCreated,),
    "pending, rejected": (OrderCreated, OrderRejected),
    "pending, approved": (OrderCreated, OrderApproved),
    "pending, approved, cancelled": (OrderCreated, OrderApproved, OrderCancelled),
    "approved": (OrderCreated,),
    "approved, cancelled": (OrderCreated, OrderCancelled),
}


def _story_of(n: int, user: int, cents: int, hours: int, story: str) -> list[Event]:
    told = {
        "id": n,
        "user_id": user,
        "description": f"thing {n}",
        "amount": Decimal(cents) / 100,
        "purchase_dt": START + timedelta(hours=hours),
    }
    data = {
        OrderCreated: PlacedOrder(**told, status=story.partition(",")[0]),
        OrderApproved: Order(**told),
    }
    ended = EndedOrder(id=n, user_id=user)
    return [
        event(kind, "/order-service", 10 * n + place, data.get(kind, ended))
        for place, kind in enumerate(STORIES[story])
    ]


def invoice_id(user_id: int, month: datetime) -> UUID:
    return uuid5(NAMESPACE, f"{user_id}/{month:%Y-%m}")


def expected(history: list[Event]) -> dict[str, list[tuple[Any, ...]]]:
    """What the tables must hold: worked out from the history at once, by other means than the
    projection's."""
    users = {e.data.id: e for e in history if isinstance(e, UserCreated)}
    accounts = {
        e.data.user_id: e
        for e in sorted(history, key=lambda e: e.sequence)
        if isinstance(e, AccountCreated)
    }
    orders = [e.data for e in history if isinstance(e, OrderCreated)]
    approved = {e.data.id for e in history if isinstance(e, OrderApproved)}
    approved |= {order.id for order in orders if order.status == "approved"}
    rejected = {e.data.id for e in history if isinstance(e, OrderRejected)}
    cancelled = {e.data.id for e in history if isinstance(e, OrderCancelled)}

    def status_of(id: int) -> str:
        if id in cancelled | rejected:
            return "cancelled" if id in cancelled else "rejected"
        return "approved" if id in approved else "pending"

    def known_of(user_id: int) -> tuple[str | None, str | None]:
        user, account = users.get(user_id), accounts.get(user_id)
        address = (
            account
            and f"{account.data.address1}, {account.data.city}, {account.data.state} "
            f"{account.data.zip}"
        )
        return user and user.data.email, address

    lines, counted, totals = [], [], dict[tuple[int, datetime], Decimal]()
    numbers = Counter[tuple[int, datetime]]()
    for order in orders:
        month = order.purchase_dt.astimezone(UTC).replace(
            day=1, hour=0, minute=0, second=0, microsecond=0
        )
        lines.append(
            (
                order.id,
                order.user_id,
                status_of(order.id),
                invoice_id(order.user_id, month),
                order.description,
                order.amount,
                order.purchase_dt,
            )
        )
        ended = order.id in cancelled | rejected
        known = order.id in approved
        counted.append((order.id, order.user_id, month, order.amount, known, ended))
        if known:
            shown = 0 if ended else 1
            numbers[order.user_id, month] += shown
            before = totals.get((order.user_id, month), Decimal(0))
            totals[order.user_id, month] = before + shown * order.amount
    heard_of = {*users, *accounts, *(order.user_id for order in orders)}
    return {
        "invoice_account": [
            (
                id,
                users[id].data.name if id in users else None,
                known_of(id)[0],
                users[id].sequence if id in users else None,
                known_of(id)[1],
                accounts[id].sequence if id in accounts else None,
            )
            for id in heard_of
        ],
        "invoices": [
            (invoice_id(user, m), user, m, *known_of(user), total)
            for (user, m), total in totals.items()
        ],
        "invoice_lines": lines,
        "customer_revenue": [
            (m, user, numbers[user, m], total) for (user, m), total in totals.items()
        ],
        "revenue_orders": counted,
        "processed_events": [(e.id,) for e in history],
    }


async def consume(dsn: str, batches: list[list[Event]]) -> None:
    async with await connect(dsn, "test") as connection:
        for batch in batches:
            async with connection.transaction():
                await apply_once(connection, READ_MODEL, batch)


async def consume_at_once(dsn: str, *shares: list[list[Event]]) -> None:
    async with asyncio.timeout(30):
        await asyncio.gather(*(consume(dsn, share) for share in shares))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=histories(), seed=st.integers(0, 2**32))
def test_any_interleaving_and_duplication_gives_the_same_read_model(
    invoice_database: Databases, history: list[Event], seed: int
) -> None:
    # Given the events of a history, each up to three times, shuffled and dealt out in random
    # batches to two consumers
    invoice_database.rows(
        "invoice_service", f"truncate {', '.join(f'demo.{table}' for table in TABLES)}"
    )
    chance = random.Random(seed)
    deck = [event for event in history for _ in range(chance.randint(1, 3))]
    chance.shuffle(deck)
    shares: tuple[list[list[Event]], list[list[Event]]] = ([], [])
    while deck:
        size = chance.randint(1, 8)
        chance.choice(shares).append(deck[:size])
        del deck[:size]

    # When both consume at once
    asyncio.run(consume_at_once(invoice_database.dsn["invoice_service"], *shares))

    # Then every table is as the history says, to the row
    for table, rows in expected(history).items():
        found = invoice_database.rows(
            "invoice_service", f"select {TABLES[table]} from demo.{table}"
        )
        assert sorted(found, key=repr) == sorted(rows, key=repr), table


def test_a_cancellation_that_comes_before_its_order_counts(invoice_database: Databases) -> None:
    # Given a cancellation of an order that nobody has told of
    dsn = invoice_database.dsn["invoice_service"]
    invoice_database.rows(
        "invoice_service", f"truncate {', '.join(f'demo.{table}' for table in TABLES)}"
    )
    created, cancelled = _story_of(1, 7, 5000, 0, "approved, cancelled")
    asyncio.run(consume(dsn, [[cancelled]]))

    # When the order arrives
    asyncio.run(consume(dsn, [[created]]))

    # Then its invoice is there, and the order is not on it
    total = "select total, (select count(*) from demo.invoice_lines where status = 'approved')"
    assert invoice_database.rows("invoice_service", f"{total} from demo.invoices") == [
        (Decimal("0.00"), 0)
    ]


def test_an_order_for_an_unknown_user_waits_for_name_and_address(
    invoice_database: Databases,
) -> None:
    # Given an order by a user nobody has told of
    dsn = invoice_database.dsn["invoice_service"]
    invoice_database.rows(
        "invoice_service", f"truncate {', '.join(f'demo.{table}' for table in TABLES)}"
    )
    order = Order(id=1, user_id=7, description="Widget", amount=Decimal("50.00"), purchase_dt=START)
    asyncio.run(consume(dsn, [[event(OrderCreated, "/order-service", 1, order)]]))
    assert invoice_database.rows(
        "invoice_service", "select email, shipping_address, total from demo.invoices"
    ) == [(None, None, Decimal("50.00"))]

    # When user and account arrive
    user = event(UserCreated, "/user-service", 1, User(id=7, name="Late", email="late@demo.com"))
    account = event(
        AccountCreated,
        "/user-service",
        2,
        Account(id=1, user_id=7, address1="1 Main St", city="Cityville", state="ST", zip="12345"),
    )
    asyncio.run(consume(dsn, [[account], [user]]))

    # Then the invoice is complete
    assert invoice_database.rows(
        "invoice_service", "select email, shipping_address, total from demo.invoices"
    ) == [("late@demo.com", "1 Main St, Cityville, ST 12345", Decimal("50.00"))]


@pytest.mark.parametrize("batches", [1, 2], ids=["in one batch", "one after the other"])
def test_an_order_that_two_events_tell_of_counts_once_in_every_projection(
    invoice_database: Databases, batches: int
) -> None:
    # Given two events with ids of their own that tell of the same order
    dsn = invoice_database.dsn["invoice_service"]
    invoice_database.rows(
        "invoice_service", f"truncate {', '.join(f'demo.{table}' for table in TABLES)}"
    )
    order = Order(id=1, user_id=7, description="W", amount=Decimal("50.00"), purchase_dt=START)
    twice: list[Event] = [event(OrderCreated, "/order-service", n, order) for n in (1, 2)]

    # When both are applied
    asyncio.run(consume(dsn, [twice] if batches == 1 else [twice[:1], twice[1:]]))

    # Then the order stands on its invoice once and is in the revenue once
    once = [(1, Decimal("50.00"))]
    for query in (
        "select count(*), sum(total) from demo.invoices",
        "select count(*), sum(amount) from demo.invoice_lines",
        "select sum(orders)::int, sum(revenue) from demo.customer_revenue",
        "select count(*), sum(amount) from demo.revenue_orders",
    ):
        assert invoice_database.rows("invoice_service", query) == once, query


async def overlap(dsn: str, first: list[Event], second: list[Event]) -> None:
    """Project `second` while the transaction that projected `first` is still open; then commit
    both."""
    async with await connect(dsn, "first") as one:
        async with one.transaction():
            await apply_once(one, READ_MODEL, first)
            late = asyncio.create_task(consume(dsn, [second]))
            await asyncio.wait(
                [late], timeout=0.3
            )  # it gets as far as it can; with the lock that is not far
        async with asyncio.timeout(10):
            await late


@pytest.mark.parametrize("order_first", [True, False])
def test_a_name_that_arrives_while_an_invoice_is_being_made_still_reaches_it(
    invoice_database: Databases, order_first: bool
) -> None:
    # Given an invoice being made in one transaction and the user's name learnt in another, at the
    # same time
    dsn = invoice_database.dsn["invoice_service"]
    invoice_database.rows(
        "invoice_service", f"truncate {', '.join(f'demo.{table}' for table in TABLES)}"
    )
    invoice_database.rows(
        "invoice_service", "insert into demo.invoice_account (user_id) values (7)"
    )
    order = event(
        OrderCreated,
        "/order-service",
        1,
        Order(id=1, user_id=7, description="W", amount=Decimal(5), purchase_dt=START),
    )
    user = event(UserCreated, "/user-service", 1, User(id=7, name="Late", email="late@demo.com"))

    # When both commit
    batches = ([order], [user]) if order_first else ([user], [order])
    asyncio.run(overlap(dsn, *batches))

    # Then the invoice has the name
    assert invoice_database.rows("invoice_service", "select email from demo.invoices") == [
        ("late@demo.com",)
    ]


def test_two_consumers_that_meet_the_same_users_in_opposite_order_do_not_deadlock(
    invoice_database: Databases,
) -> None:
    # Given many orders by the same users, each delivered to both of two consumers, in big batches
    # and in opposite order
    invoice_database.rows(
        "invoice_service", f"truncate {', '.join(f'demo.{table}' for table in TABLES)}"
    )
    events: list[Event] = [
        event(
            OrderCreated,
            "/order-service",
            n,
            Order(
                id=n, user_id=n * 7 % 500 + 1, description="W", amount=Decimal(1), purchase_dt=START
            ),
        )
        for n in range(1, 8001)
    ]
    there = [events[n : n + 1000] for n in range(0, len(events), 1000)]
    back = [batch[::-1] for batch in there]
    elsewhere = [batch[::-1] for batch in there[4:] + there[:4]]  # the same users, other events

    # When all consume at once (a deadlock would be raised here)
    asyncio.run(consume_at_once(invoice_database.dsn["invoice_service"], there, back, elsewhere))

    # Then each order counts once
    assert invoice_database.rows("invoice_service", "select sum(total) from demo.invoices") == [
        (Decimal(8000),)
    ]
