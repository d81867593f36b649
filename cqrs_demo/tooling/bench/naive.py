"""--against naive: what the guarantees cost and what they bring, beside a shop without them.

Both run on the rig's PostgreSQL and broker, and take turns, so that whatever else the machine does
falls on both. Then each is broken once under the same load: the invoices cannot be written for a
moment, and in it their service is killed; a second later the order service. Both are started again,
and the orders are counted one by one.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg

from cqrs_demo.tooling.bench.accept import USERS
from cqrs_demo.tooling.bench.end_to_end import carry, carry_ours, figure, wait_until_quiet
from cqrs_demo.tooling.bench.figures import Figure, Say, Scale, in_turn, verdict
from cqrs_demo.tooling.bench.load import Outcome, in_milliseconds, orders, send
from cqrs_demo.tooling.bench.rig import Rig, RigFailed, wait_until
from cqrs_demo.tooling.hazards.beside import naive_beside
from cqrs_demo.tooling.hazards.processes import ShopProcess
from cqrs_demo.tooling.runtime.system import find_system

ARRIVED = "select coalesce(sum(total), 0)::bigint from public.invoices"
CUSTOMERS = """
insert into public.customers (user_id, shipping_address)
select user_id, '123 Main St, Cityville, ST 12345'
from generate_series(%s::bigint, %s::bigint) as user_id
"""
ROUNDS = 3
RATE = 200  # orders a second, while it is broken
SECONDS = 1.0  # of load before each of the two kills
BUSY = 0.3  # seconds for which the invoices cannot be written

OUR_ORDERS = "select id from demo.orders where id > %s"
OUR_LINES = "select order_id from demo.invoice_lines where order_id > %s"
NAIVE_ORDERS = "select id from public.orders where id > %s"
NAIVE_LINES = """
select (line ->> 'id')::bigint
from public.invoices, jsonb_array_elements(orders) as line
where (line ->> 'id')::bigint > %s
"""


@dataclass(frozen=True)
class Contestant:
    """`busy` locks what an order is written to, `kill` ends a service as a crash does, `mend` sees
    to it that both run again, and `settle` waits for what may still come. The DSNs are the
    superuser's."""

    name: str
    url: str
    orders: tuple[str, str]  # a DSN, and a query of the ids of the orders above one
    lines: tuple[str, str]  # likewise, of those on invoices
    busy: str
    kill: Callable[[str], None]
    mend: Callable[[], None]
    settle: Callable[["Contestant", int], None]


def measure(rig: Rig, scale: Scale, say: Say) -> Iterator[Figure]:
    say(f"the naive shop, beside ours on {rig.broker}")
    with naive_beside(rig.system) as (writer, reader):
        rig.execute("naive", CUSTOMERS, USERS[0], USERS[-1])
        ours, naive = _ours(rig), _naive(rig, writer, reader)
        for contestant in (ours, naive):  # warm-up, not counted
            _accept(contestant, min(scale.seconds, 1))
        yield from _accepted(ours, naive, scale, rig.broker)
        say(f"end to end, in turn with the naive shop: {scale.end_to_end_seconds:.0f} s each")
        yield from _carried(rig, naive, scale)
        for contestant in (ours, naive):
            say(f"{contestant.name}: both services killed under {RATE} orders/s")
            yield _broken(contestant, rig.broker)


def _accept(contestant: Contestant, seconds: float) -> Outcome:
    requests = orders(contestant.url, USERS)
    outcome = send(contestant.url, requests, connections=32, seconds=seconds)
    return outcome.expect_no_refusals()


def _accepted(ours: Contestant, naive: Contestant, scale: Scale, broker: str) -> Iterator[Figure]:
    """Relay and consumers at work: who has a broker to speak to has to pay for it."""
    runs: dict[str, list[Outcome]] = {ours.name: [], naive.name: []}
    for _ in range(scale.rounds):
        for contestant in (ours, naive):
            runs[contestant.name].append(_accept(contestant, scale.seconds))
    for name, outcomes in runs.items():
        times = in_milliseconds([seconds for run in outcomes for seconds in run.latencies])
        notes: dict[str, float | str] = {
            "p50 ms": round(times["p50"], 1),
            "p99 ms": round(times["p99"], 1),
        }
        rates = [run.rate for run in outcomes]
        yield Figure(
            "against naive", f"accept, 32 clients, {name}", "requests/s", rates, broker, notes
        )
    ratio = in_turn(*([run.rate for run in outcomes] for outcomes in runs.values()))
    yield Figure("against naive", "accept, ours : naive", "×", [ratio], broker)


def _carried(rig: Rig, naive: Contestant, scale: Scale) -> Iterator[Figure]:
    """Many customers, then a single one: his orders meet each other on one invoice, and no fault is
    needed to lose some."""
    dsn, seconds = naive.lines[0], scale.end_to_end_seconds / ROUNDS
    wait_until_quiet(dsn, ARRIVED)
    for who, users in (("1,000 users", USERS), ("one single user", USERS[:1])):
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(carry_ours(rig, users, seconds))
            theirs.append(carry(naive.url, users, dsn, ARRIVED, seconds))
        for name, runs in (("ours", ours), ("naive", theirs)):
            yield figure(f"end to end, {who}, {name}", runs, rig.broker, "against naive")
        ratio = in_turn([run.rate for run in ours], [run.rate for run in theirs])
        yield Figure("against naive", f"the same, {who}, ours : naive", "×", [ratio], rig.broker)


def _broken(contestant: Contestant, broker: str) -> Figure:
    before = max(_ids(contestant.orders, 0), default=0)
    requests = orders(contestant.url, USERS)
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(
            send, contestant.url, requests, connections=32, seconds=30, rate=float(RATE)
        )
        time.sleep(SECONDS)
        with psycopg.connect(contestant.lines[0]) as somebody:
            somebody.execute(contestant.busy.encode())
            time.sleep(BUSY)
            contestant.kill("invoice-service")
            somebody.rollback()
        time.sleep(SECONDS)
        contestant.kill("order-service")  # and with it the load ends: it has lost its connections
        load.result()
    contestant.mend()
    contestant.settle(contestant, before)
    accepted = _ids(contestant.orders, before)
    lines = _ids(contestant.lines, before)
    lost, doubled = lost_and_doubled(accepted, lines)
    notes: dict[str, float | str] = {
        "accepted": len(accepted),
        "on invoices": len(lines),
        "lost": lost,
        "doubled": doubled,
    }
    goal = verdict(lost + doubled == 0, "none") if contestant.name == "ours" else {}
    return Figure(
        "against naive",
        f"both services killed, {contestant.name}",
        "orders lost or doubled",
        [lost + doubled],
        broker,
        notes,
        **goal,
    )


def lost_and_doubled(accepted: Sequence[int], lines: Sequence[int]) -> tuple[int, int]:
    """Orders that are on no invoice, and lines that are there once more. Both by order id."""
    shown = Counter(lines)
    return len(set(accepted) - shown.keys()), shown.total() - len(shown)


def _ids(question: tuple[str, str], above: int) -> list[int]:
    dsn, query = question
    with psycopg.connect(dsn) as connection:
        return [id for (id,) in connection.execute(query.encode(), [above])]


def _ours(rig: Rig) -> Contestant:
    """Its supervisor starts again what dies."""
    found = find_system(rig.folder.path)

    def kill(service: str) -> None:
        process = find_system(rig.folder.path, ask_health=False).services[service].process
        living = process.living() if process else None
        if living is None:
            raise RigFailed(f"{service} is not there to be killed")
        living.kill()

    def mend() -> None:
        if not wait_until(lambda: find_system(rig.folder.path).ready):
            raise RigFailed("our services did not come back")

    def settle(contestant: Contestant, before: int) -> None:
        """Its promise is that all of them arrive. What is missing after two minutes is lost."""
        wait_until(
            lambda: set(_ids(contestant.orders, before)) == set(_ids(contestant.lines, before))
        )

    return Contestant(
        "ours",
        found.url("order-service") + "/orders",
        (rig.superuser_dsn("order_service"), OUR_ORDERS),
        (rig.superuser_dsn("invoice_service"), OUR_LINES),
        "lock table demo.invoice_account in share mode",
        kill,
        mend,
        settle,
    )


def _naive(rig: Rig, writer: ShopProcess, reader: ShopProcess) -> Contestant:
    services = {"order-service": writer, "invoice-service": reader}
    dsn = rig.superuser_dsn("naive")

    def mend() -> None:
        for program in services.values():
            program.start()

    def settle(contestant: Contestant, before: int) -> None:
        wait_until_quiet(dsn, ARRIVED)

    return Contestant(
        "naive",
        f"{writer.url}/orders",
        (dsn, NAIVE_ORDERS),
        (dsn, NAIVE_LINES),
        "lock table public.invoices in share mode",
        lambda service: services[service].kill(),
        mend,
        settle,
    )
