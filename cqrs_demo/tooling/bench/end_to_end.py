"""end to end: orders per second from POST to readable invoice, at the highest rate at which no
backlog grows.

The rate is not guessed: the client keeps at most WINDOW orders between "accepted" and "readable"
and posts the next one when one arrives. So whatever is slowest sets the pace, and nothing can pile
up. Counted is the whole of it, from the first POST to the moment when the last order can be read.
Every run ends with the oracle.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import psycopg

from cqrs_demo.tooling.bench.figures import Figure, Say, Scale
from cqrs_demo.tooling.bench.load import LoadFailed, Outcome, in_milliseconds, orders, post, send
from cqrs_demo.tooling.bench.memory import Memory
from cqrs_demo.tooling.bench.rig import Rig

CLIENTS = 64
WINDOW = 1_000  # orders under way
QUIET = 5.0  # seconds without an arrival after which what is missing is lost


@dataclass(frozen=True)
class Carried:
    """Orders accepted, orders found on invoices, and the seconds from the first POST until the last
    of them was."""

    accepted: int
    invoiced: int
    seconds: float
    outcome: Outcome

    @property
    def rate(self) -> float:
        return self.invoiced / self.seconds

    @property
    def lost(self) -> int:
        return self.accepted - self.invoiced


def measure(rig: Rig, scale: Scale, say: Say) -> Iterator[Figure]:
    say(f"end to end, {rig.broker}: making 1,000 users")
    users = make_users(rig, 1_000)
    memory = Memory(rig)
    warm_up(rig, users, scale)
    for name, some in (("1,000 users", users), ("one single user", users[:1])):
        say(f"end to end, {rig.broker}, {name}: {scale.end_to_end_seconds:.0f} s of load")
        with memory.under_load():
            run = carry_ours(rig, some, scale.end_to_end_seconds)
        yield figure(f"{name}, {CLIENTS} clients", [run], rig.broker)
    yield from memory.figures()


def invoiced(users: Sequence[int]) -> str:
    """A query of how many orders are on these users' invoices (each costs 1)."""
    summed = "select coalesce(sum(total), 0)::bigint from demo.invoices"
    return f"{summed} where user_id between {users[0]} and {users[-1]}"


def make_users(rig: Rig, number: int) -> list[int]:
    """Users with their accounts, through the API. Returns their ids."""
    users, accounts = (
        rig.system.url("user-service") + "/users",
        rig.system.url("user-service") + "/accounts",
    )
    first = rig.execute("user_service", "select coalesce(max(id), 0) + 1 from demo.users")[0][0]
    people = [
        post(users, {"name": "Alice", "email": f"alice{first + i}@demo.com"}) for i in range(number)
    ]
    send(users, people, connections=32, seconds=60, most=number).expect_no_refusals()
    ids: list[int] = [
        id
        for (id,) in rig.execute(
            "user_service", "select id from demo.users where id >= %s order by id", first
        )
    ]
    address = {"address1": "123 Main St", "city": "Cityville", "state": "ST", "zip": "12345"}
    send(
        accounts,
        [post(accounts, {"user_id": id, **address}) for id in ids],
        connections=32,
        seconds=60,
        most=number,
    ).expect_no_refusals()
    return ids


def warm_up(rig: Rig, users: Sequence[int], scale: Scale) -> None:
    carry_ours(rig, users, min(scale.end_to_end_seconds, 2))


def carry_ours(rig: Rig, users: Sequence[int], seconds: float) -> Carried:
    """See carry(). Raises LoadFailed when an order was lost."""
    run = carry(rig.orders_url, users, rig.dsn("invoice_service"), invoiced(users), seconds)
    if run.lost:
        raise LoadFailed(
            f"the oracle says no: {run.accepted} orders accepted, {run.invoiced} on invoices "
            f"({rig.broker})"
        )
    return run


def carry(url: str, users: Sequence[int], dsn: str, arrived: str, seconds: float) -> Carried:
    """Post orders for `seconds`, never more than WINDOW ahead of what `arrived` counts, and wait
    for the last of them."""
    with psycopg.connect(dsn, autocommit=True) as connection:

        def count() -> int:
            row = connection.execute(arrived.encode()).fetchone()
            assert row is not None
            return int(row[0])

        before = count()
        began = time.time()
        ahead = f"select ({arrived}) - {before}"
        outcome = send(
            url,
            orders(url, users),
            connections=CLIENTS,
            seconds=seconds,
            window=WINDOW,
            dsn=dsn,
            arrived=ahead,
        )
        outcome.expect_no_refusals()
        wanted = before + outcome.accepted
        reached, at = _last_arrival(count, wanted)
    return Carried(outcome.accepted, reached - before, at - max(began, outcome.began), outcome)


def wait_until_quiet(dsn: str, arrived: str) -> None:
    """Until nothing arrives any more: what an earlier run left behind is not to be counted in the
    next."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        _last_arrival(
            lambda: int((connection.execute(arrived.encode()).fetchone() or (0,))[0]), sys.maxsize
        )


def _last_arrival(count: Callable[[], int], wanted: int) -> tuple[int, float]:
    """How many arrived, and when (Unix time) the last did. Waits for `wanted`, and for no more
    arrivals than that."""
    reached, at = count(), time.time()
    while reached < wanted and time.time() - at < QUIET:
        time.sleep(0.02)
        if (now := count()) != reached:
            reached, at = now, time.time()
    return reached, at


def figure(
    name: str, runs: Sequence[Carried], broker: str, measurement: str = "end to end"
) -> Figure:
    times = in_milliseconds([latency for run in runs for latency in run.outcome.latencies])
    notes: dict[str, float | str] = {
        "accepted": sum(run.accepted for run in runs),
        "invoiced": sum(run.invoiced for run in runs),
        "lost": sum(run.lost for run in runs),
        "201 p50 ms": round(times["p50"], 1),
        "201 p99 ms": round(times["p99"], 1),
    }
    return Figure(measurement, name, "orders/s", [run.rate for run in runs], broker, notes)
