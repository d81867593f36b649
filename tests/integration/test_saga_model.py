"""The saga's invariants, whatever happens in whatever order: limits, orders, cancels; messages that
come late, twice and out of order; crashes before a commit and between a commit and its
acknowledgement; deadlines that pass at any point.

Real databases and the services' own code; the broker is a list, so that a test decides what arrives
when.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cqrs_demo.contract.codec import decode
from cqrs_demo.contract.events import KnownEvent, Unknown
from cqrs_demo.contract.json_codec import encode_json
from cqrs_demo.database import Pool, pool_for
from cqrs_demo.errors import Refusal
from cqrs_demo.inbox.handler import Effect, apply_once
from cqrs_demo.invoice_service.projections import READ_MODEL
from cqrs_demo.messaging.broker import SUBSCRIBERS
from cqrs_demo.order_service import fold as order_fold
from cqrs_demo.order_service.cancel import CancelOrder, cancel_order
from cqrs_demo.order_service.commands import Approval, PlaceOrder, place_orders
from cqrs_demo.order_service.saga.process import Saga
from cqrs_demo.order_service.saga.sweep import end_overdue
from cqrs_demo.outbox.fold import verify_fold
from cqrs_demo.outbox.retries import retry_columns
from cqrs_demo.payment_service import fold as payment_fold
from cqrs_demo.payment_service.credit import LimitCredit, limit_credit
from cqrs_demo.payment_service.reservations import Reservations
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from tests.fixtures.shop import cloned_databases

APPROVAL = Approval(Decimal(1000), deadline=3600)
NAMES = ("order_service", "payment_service", "invoice_service")
PROJECTIONS: dict[str, Effect] = {
    "order-service": Saga(),
    "payment-service": Reservations(),
    "invoice-service": READ_MODEL,
}
LOG = """
select sequence, id, type, subject, time, data::text as data, partitionkey, correlationid,
    causationid
from demo.events where sequence > %s order by sequence
"""
EXPIRE = "update demo.order_sagas set deadline = clock_timestamp() - interval '1 second'"
FORGET = {
    "order_service": "orders, order_sagas, events, outbox, processed_events",
    "payment_service": "credits, credit_limits, reservations, events, outbox, processed_events",
    "invoice_service": "invoice_account, invoices, invoice_lines, customer_revenue, "
    "revenue_orders, processed_events",
}


class Crash(Exception):
    pass


@dataclass
class World:
    """Three databases, and what is on its way to each subscriber."""

    admins: dict[str, psycopg.Connection]
    pools: dict[str, Pool]
    chance: random.Random
    mail: dict[str, list[KnownEvent]] = field(default_factory=lambda: {n: [] for n in PROJECTIONS})
    seen: dict[str, list[KnownEvent]] = field(default_factory=lambda: {n: [] for n in PROJECTIONS})
    read: dict[str, int] = field(default_factory=dict)
    orders: list[int] = field(default_factory=list)

    def rows(self, database: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What the superuser is told, on a session that stays open: this is asked all the time."""
        cursor = self.admins[database].execute(query, parameters)  # type: ignore[call-overload]
        return cursor.fetchall() if cursor.description else []

    async def publish(self) -> None:
        """What the relays do: each log's new events, to whoever subscribes to them."""
        for database in ("order_service", "payment_service"):
            async with self.pools[database].connection() as connection:
                after = self.read.get(database, 0)
                rows = await (await connection.execute(LOG, [after], binary=True)).fetchall()
            for row in rows:
                event = decode(encode_json(f"/{database.replace('_', '-')}", **row))
                assert not isinstance(event, Unknown)
                self.read[database] = row["sequence"]
                topic = event.type.partition(".")[0]
                for subscriber in SUBSCRIBERS:
                    if topic in subscriber.topics:
                        self.mail[subscriber.name].append(event)

    async def consume(self, subscriber: str, batch: list[KnownEvent], end: str) -> None:
        """One transaction; `end` says how it ends: "crash before commit", or "before ack", or
        well."""
        pool = self.pools[subscriber.replace("-", "_")]
        with suppress(Crash):
            async with pool.connection() as connection, connection.transaction():
                await apply_once(connection, PROJECTIONS[subscriber], batch)
                if end == "crash before commit":
                    raise Crash
        if end == "well":
            self.mail[subscriber] = [e for e in self.mail[subscriber] if e not in batch]
            self.seen[subscriber] += batch
        self.check_the_limits()

    async def deliver(self, subscriber: str, most: int, end: str) -> None:
        """Any of the messages, in any order, and some that came before."""
        await self.publish()
        waiting = self.mail[subscriber]
        batch = self.chance.sample(waiting, min(most, len(waiting)))
        again = self.seen[subscriber]
        batch += self.chance.sample(again, min(self.chance.randint(0, 2), len(again)))
        self.chance.shuffle(batch)
        await self.consume(subscriber, batch, end)

    async def place(self, user: int, amount: int) -> None:
        command = PlaceOrder(user_id=user, description="W", amount=Decimal(amount))
        row = {**vars(command), **APPROVAL.columns(command.amount)}
        [made] = await place_orders(
            self.pools["order_service"], [{**row, **retry_columns(command, None)}]
        )
        assert made is not None
        self.orders.append(made["id"])

    async def cancel(self, which: int) -> None:
        if self.orders:
            id = self.orders[which % len(self.orders)]
            with suppress(Refusal):
                await cancel_order(self.pools["order_service"], CancelOrder(order_id=id), None)

    async def limit(self, user: int, amount: int) -> None:
        command = LimitCredit(user_id=user, limit=Decimal(amount))
        with suppress(Refusal):
            await limit_credit(self.pools["payment_service"], command, None)
        self.check_the_limits()

    async def sweep(self, all_of_them: bool) -> None:
        """The deadline of one order passes, or of all that there are."""
        one = "" if all_of_them else " where mod(order_id, 2) = 0"
        self.rows("order_service", EXPIRE + one)
        async with self.pools["order_service"].connection() as connection, connection.transaction():
            await end_overdue(connection)

    async def arrive(self, rounds: int) -> None:
        """All that is on its way arrives; with each round what follows from it, too."""
        for _ in range(rounds):
            await self.publish()
            for subscriber, mail in self.mail.items():
                if mail:
                    await self.consume(subscriber, list(mail), "well")

    async def come_to_rest(self) -> None:
        """Delivery is restored, and every deadline passes."""
        for _ in range(6):
            await self.arrive(1)
            await self.sweep(all_of_them=True)
        assert not any(self.mail.values())

    def check_the_limits(self) -> None:
        wrong = "select * from demo.credits where not reserved between 0 and credit_limit"
        assert not self.rows("payment_service", wrong)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def world(migrated: EmbeddedPostgres, runner: asyncio.Runner) -> Iterator[Callable[[int], World]]:
    """A world with nothing in it, each time it is called."""
    with cloned_databases(migrated, *NAMES) as databases:
        admins = {name: psycopg.connect(databases.admin[name], autocommit=True) for name in NAMES}
        pools = {name: pool_for(databases.dsn[name], "test", size=2) for name in NAMES}

        async def each(action: Callable[[Pool], Awaitable[None]]) -> None:
            await asyncio.gather(*map(action, pools.values()))

        def empty(seed: int) -> World:
            new = World(admins, pools, random.Random(seed))
            for name, tables in FORGET.items():
                admins[name].execute(";".join(f"delete from demo.{t}" for t in tables.split(", ")))
            return new

        runner.run(each(lambda pool: pool.open(wait=True)))
        yield empty
        runner.run(each(lambda pool: pool.close()))
        for admin in admins.values():
            admin.close()


def users() -> Any:
    return st.integers(1, 2)


ENDS = ("well", "well", "well", "crash before commit", "crash before ack")
ACTIONS = st.one_of(
    st.tuples(st.just("place"), users(), st.sampled_from([1000, 1500, 3000, 200])),
    st.tuples(st.just("limit"), users(), st.sampled_from([0, 1000, 2500, 6000])),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
    st.tuples(
        st.just("deliver"),
        st.sampled_from(sorted(PROJECTIONS)),
        st.integers(1, 4),
        st.sampled_from(ENDS),
    ),
    st.tuples(
        st.just("deliver"), st.just("payment-service"), st.integers(1, 4), st.sampled_from(ENDS)
    ),
    # Without it few orders would live to be approved, and then cancelled.
    st.tuples(st.just("arrive"), st.integers(1, 3)),
    st.tuples(st.just("sweep"), st.booleans()),
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(actions=st.lists(ACTIONS, min_size=12, max_size=40), seed=st.integers(0, 2**32))
def test_whatever_happens_every_order_ends_once_and_credit_and_invoices_are_those_approved(
    world: Callable[[int], World],
    runner: asyncio.Runner,
    actions: list[tuple[Any, ...]],
    seed: int,
) -> None:
    # Given any of it, in any order, then delivery without faults and time enough
    now = world(seed)

    async def live() -> None:
        for name, *arguments in actions:
            await getattr(now, name)(*arguments)
        await now.come_to_rest()

    runner.run(live())

    # Then no order is pending, and each has one outcome
    assert_each_order_ended_once(now)
    # And the credit in use, and the invoices, are those of the approved orders, to the cent
    assert_the_sums_agree(now)
    # And the tables are what the logs say
    for database, folds in (
        ("order_service", order_fold.FOLDS),
        ("payment_service", payment_fold.FOLDS),
    ):
        for fold in folds:
            found = runner.run(verify_fold(now.pools[database], fold))
            assert found["drift"] == 0, found


OUTCOMES = """
select o.id, o.status, o.needs_credit,
    array(select split_part(e.type, '.', 2) from demo.events as e
          where e.subject = o.id::text and e.type like 'order.%%' and e.type <> 'order.created'
          order by e.sequence)
from demo.orders as o
"""
MAY_BE_TOLD = {
    (False, "approved"): [],
    (False, "cancelled"): ["cancelled"],
    (True, "approved"): ["approved"],
    (True, "rejected"): ["rejected"],
    (True, "cancelled"): ["approved", "cancelled"],
}


def assert_each_order_ended_once(world: World) -> None:
    for id, status, needs_credit, told in world.rows("order_service", OUTCOMES):
        assert told == MAY_BE_TOLD.get((needs_credit, status)), (id, status, told)
    strays = """
        select type from demo.events
        where correlationid not in (select event_id from demo.orders)
    """
    assert not world.rows("order_service", strays)


def assert_the_sums_agree(world: World) -> None:
    approved = "from demo.orders where status = 'approved'"
    reserved = world.rows(
        "order_service",
        f"select user_id, sum(amount) {approved} and needs_credit group by 1 order by 1",
    )
    assert reserved == world.rows(
        "payment_service",
        "select user_id, reserved from demo.credits where reserved > 0 order by 1",
    )
    assert reserved == world.rows(
        "payment_service",
        "select user_id, sum(amount) from demo.reservations where state = 'reserved' "
        "group by 1 order by 1",
    )
    orders = world.rows("order_service", f"select id, user_id, amount {approved} order by 1")
    assert orders == world.rows(
        "invoice_service",
        "select order_id, ordered_by, amount from demo.invoice_lines where status = 'approved' "
        "order by 1",
    )
    total = sum((amount for _, _, amount in orders), Decimal(0))
    for sum_of in (
        "select coalesce(sum(total), 0) from demo.invoices",
        "select coalesce(sum(revenue), 0) from demo.customer_revenue",
    ):
        assert world.rows("invoice_service", sum_of) == [(total,)]


def test_two_copies_that_sweep_at_once_each_take_what_the_other_has_not(
    world: Callable[[int], World], runner: asyncio.Runner
) -> None:
    # Given twenty orders whose deadline has passed
    now = world(1)

    async def sweep_at_once() -> tuple[list[int], list[int]]:
        for _ in range(20):
            await now.place(1, 1000)
        now.rows("order_service", EXPIRE)
        pool = now.pools["order_service"]
        async with pool.connection() as one, pool.connection() as other, one.transaction():
            # When two copies sweep, the second while the first has not committed
            first = await end_overdue(one)
            async with other.transaction():
                second = await end_overdue(other)
        return first, second

    first, second = runner.run(sweep_at_once())
    # Then each order was rejected once, and none waited for the other
    assert sorted(first) == sorted(now.orders)
    assert second == []
    assert_each_order_ended_once(now)


@pytest.mark.parametrize("sooner", ["the answer", "the sweep"])
def test_an_answer_and_the_deadline_at_the_same_moment_have_one_outcome(
    world: Callable[[int], World], runner: asyncio.Runner, sooner: str
) -> None:
    # Given an order whose credit is reserved, with the answer on its way, and whose deadline passes
    now = world(2)

    async def race() -> None:
        await now.place(1, 1000)
        await now.deliver("payment-service", 9, "well")
        await now.publish()
        now.rows("order_service", EXPIRE)
        [answer] = now.mail["order-service"]
        pool = now.pools["order_service"]
        async with pool.connection() as one, pool.connection() as other, one.transaction():
            if sooner == "the answer":
                await PROJECTIONS["order-service"].lock(one, [answer])
                assert await end_overdue(other) == [], "it takes no row that is in hand"
                await apply_once(one, PROJECTIONS["order-service"], [answer])
            else:
                await end_overdue(one)
        await now.come_to_rest()

    runner.run(race())
    # Then there is one outcome, and credit and invoice agree with it
    assert_each_order_ended_once(now)
    assert_the_sums_agree(now)


def test_a_cancel_and_an_approval_at_the_same_moment_have_one_outcome(
    world: Callable[[int], World], runner: asyncio.Runner
) -> None:
    # Given an order that is being approved, in a transaction that is still open
    now = world(3)

    async def race() -> Any:
        await now.place(1, 1000)
        await now.deliver("payment-service", 9, "well")
        await now.publish()
        pool = now.pools["order_service"]
        async with pool.connection() as one, one.transaction():
            await apply_once(one, PROJECTIONS["order-service"], now.mail["order-service"])
            # When it is cancelled
            command = CancelOrder(order_id=now.orders[0])
            cancel = asyncio.create_task(cancel_order(pool, command, None))
            await asyncio.wait([cancel], timeout=0.2)
            assert not cancel.done(), "it waits for the approval"
        accepted = await cancel
        await now.come_to_rest()
        return accepted

    # Then it is cancelled after the approval, and nothing of it is left
    assert runner.run(race()).row["status"] == "cancelled"
    assert_each_order_ended_once(now)
    assert_the_sums_agree(now)


def test_a_reservation_that_comes_after_its_release_is_refused(
    world: Callable[[int], World], runner: asyncio.Runner
) -> None:
    # Given an order whose deadline has passed, and whose release overtakes its reservation
    now = world(4)

    async def overtake() -> None:
        await now.place(1, 1000)
        await now.sweep(all_of_them=True) if now.orders[0] % 2 else await now.sweep(False)
        await now.publish()
        reservation, release = now.mail["payment-service"]
        await now.consume("payment-service", [release], "well")
        await now.consume("payment-service", [reservation], "well")

    runner.run(overtake())
    # Then it is refused, and nothing is reserved
    query = "select state, amount from demo.reservations"
    assert now.rows("payment_service", query) == [("refused", Decimal("1000.00"))]
    reason = "select type, data ->> 'reason' from demo.events"
    assert now.rows("payment_service", reason) == [
        ("payment.refused", "it was released before it came")
    ]
    runner.run(now.come_to_rest())
    assert_each_order_ended_once(now)
    assert_the_sums_agree(now)


def test_an_order_is_not_pending_for_longer_because_the_clock_was_set_back(
    world: Callable[[int], World], runner: asyncio.Runner
) -> None:
    from cqrs_demo.order_service.saga.sweep import CLOCK_SET_BACK

    # Given an order that was placed by a clock which was a day ahead
    now = world(5)

    async def set_back() -> None:
        await now.place(1, 1000)
        now.rows(
            "order_service",
            "update demo.order_sagas set began = began + interval '1 day', "
            "deadline = deadline + interval '1 day'",
        )
        # When the sweep comes by
        async with now.pools["order_service"].connection() as connection:
            await connection.execute(CLOCK_SET_BACK)

    runner.run(set_back())
    # Then it waits from now on
    left = "select deadline <= clock_timestamp() + interval '1 hour' from demo.order_sagas"
    assert now.rows("order_service", left) == [(True,)]
