"""growth: what an order costs when many are stored already, and what a line costs on an invoice
that has many."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from uuid import uuid4

from cqrs_demo.contract.events import ORDER_SERVICE, OrderCreated, PlacedOrder
from cqrs_demo.database import Connection, connect
from cqrs_demo.inbox.handler import apply_once
from cqrs_demo.invoice_service.projections import READ_MODEL
from cqrs_demo.tooling.bench import loop, prepared
from cqrs_demo.tooling.bench.figures import Figure, Say, Scale, in_turn, verdict
from cqrs_demo.tooling.bench.load import orders, send
from cqrs_demo.tooling.bench.rig import Rig, running_system

CLIENTS = 32
FIRST_USER = 4_000_001
SAMPLES = 100
_order_ids = count(2_000_000_000_000)


def measure(rig: Rig, scale: Scale, say: Say) -> Iterator[Figure]:
    yield from _orders(scale, say)
    say("growth: lines on longer and longer invoices")
    yield from loop.run(_lines(rig, scale))


def _orders(scale: Scale, say: Say) -> Iterator[Figure]:
    """In two systems, in turn: whatever else the machine does falls on both."""
    cost: dict[int, list[float]] = {scale.few_orders: [], scale.many_orders: []}
    with ExitStack() as stack:
        rigs = {stored: stack.enter_context(_with_orders(stored, say)) for stored in cost}
        say("growth: placing orders beside few and beside many")
        for _ in range(scale.rounds + 1):
            for stored, rig in rigs.items():
                cost[stored].append(_microseconds_per_order(rig))
    cost = {stored: rounds[1:] for stored, rounds in cost.items()}  # the first is warm-up
    ratio = in_turn(cost[scale.many_orders], cost[scale.few_orders])
    yield Figure(
        "growth", f"an order beside {scale.few_orders:,} stored", "µs", cost[scale.few_orders]
    )
    goal = verdict(ratio <= 1.2, "≤ 1.2 ×")
    notes: dict[str, float | str] = {"times": round(ratio, 2)}
    yield Figure(
        "growth",
        f"an order beside {scale.many_orders:,} stored",
        "µs",
        cost[scale.many_orders],
        notes=notes,
        **goal,
    )


@contextmanager
def _with_orders(stored: int, say: Say) -> Iterator[Rig]:
    say(f"growth: starting a system with {stored:,} orders in it")
    with running_system("pgmq") as rig, rig.paused("relay"):
        prepared.orders_in_log(rig, stored)
        yield rig


def _microseconds_per_order(rig: Rig) -> float:
    requests = orders(rig.orders_url, range(1, 1001))
    run = send(
        rig.orders_url, requests, connections=CLIENTS, seconds=60, most=len(requests)
    ).expect_no_refusals()
    return 1e6 / run.rate


async def _lines(rig: Rig, scale: Scale) -> list[Figure]:
    """The projection itself, one order a transaction, in turn on each of the invoices."""
    sizes = sorted({10, min(1_000, scale.longest_invoice), scale.longest_invoice})
    times: dict[int, list[float]] = {size: [] for size in sizes}
    async with await connect(rig.dsn("invoice_service"), "bench", 60) as connection:
        for place, size in enumerate(sizes):
            for start in range(0, size, 500):
                await _add(connection, FIRST_USER + place, min(500, size - start))
        for _ in range(SAMPLES):
            for place, size in enumerate(sizes):
                began = time.perf_counter()
                await _add(connection, FIRST_USER + place, 1)
                times[size].append((time.perf_counter() - began) * 1e6)
    ratio = in_turn(times[sizes[-1]], times[sizes[0]])
    figures = [
        Figure("growth", f"a line on an invoice of {size:,}", "µs", times[size]) for size in sizes
    ]
    goal = verdict(ratio <= 3, "≤ 3 × the shortest")
    return [
        *figures[:-1],
        Figure(**{**vars(figures[-1]), "notes": {"times": round(ratio, 2)}, **goal}),
    ]


async def _add(connection: Connection, user: int, number: int) -> None:
    async with connection.transaction():
        await apply_once(connection, READ_MODEL, [_order_created(user) for _ in range(number)])


def _order_created(user: int) -> OrderCreated:
    id, now = next(_order_ids), datetime.now(UTC)
    order = PlacedOrder(
        id=id,
        user_id=user,
        description="Widget",
        amount=Decimal(1),
        purchase_dt=datetime(2025, 4, 3, tzinfo=UTC),
        status="approved",
    )
    return OrderCreated(
        specversion="1.0",
        id=uuid4(),
        source=ORDER_SERVICE,
        type="order.created",
        time=now,
        sequence=id,
        data=order,
    )
