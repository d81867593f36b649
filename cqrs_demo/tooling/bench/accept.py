"""accept: commands answered 201 per second, with the relay paused, beside the two things it could
at best be.

The rounds go through all the contestants in turn, so that whatever else the machine does falls on
all of them.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

from cqrs_demo.tooling.bench import prepared
from cqrs_demo.tooling.bench.figures import Figure, Say, Scale, in_turn, verdict
from cqrs_demo.tooling.bench.floor import CONNECTIONS, written_per_second
from cqrs_demo.tooling.bench.load import Outcome, in_milliseconds, orders, send
from cqrs_demo.tooling.bench.rig import Rig
from cqrs_demo.tooling.bench.servers import server

USERS = range(1, 1001)
CLIENTS = 32  # for the comparisons
FRAMEWORK = f"FastAPI answering a constant, {CLIENTS} clients"
WITH_KEY = f"{CLIENTS} clients, each order with an Idempotency-Key"


def measure(rig: Rig, scale: Scale, say: Say) -> Iterator[Figure]:
    with ExitStack() as stack:
        framework, nothing = (
            stack.enter_context(server("framework")),
            stack.enter_context(server("nothing")),
        )
        stack.enter_context(rig.paused("relay"))
        ceiling = _run(nothing, CLIENTS, scale)
        yield _figure(
            f"the load client itself, {CLIENTS} clients, a server that does nothing", [ceiling]
        )
        contestants: dict[str, Callable[[], Outcome]] = {
            **{_clients(n): lambda n=n: _run(rig.orders_url, n, scale) for n in scale.clients},  # type: ignore[misc]
            WITH_KEY: lambda: _run(rig.orders_url, CLIENTS, scale, key=True),
            FRAMEWORK: lambda: _run(framework, CLIENTS, scale),
        }
        for run in contestants.values():  # warm-up, not counted
            run()
        outcomes: dict[str, list[Outcome]] = {name: [] for name in contestants}
        floor = []
        for number in range(scale.rounds):
            say(f"accept: round {number + 1} of {scale.rounds}")
            for name, run in contestants.items():
                outcomes[name].append(run())
            floor.append(written_per_second(rig.dsn("order_service"), scale.seconds))
        rig.forget_outbox()
        prepared.tidy(rig, "order_service")  # or the next measurement would find PostgreSQL at it
    yield from _figures(outcomes)
    yield Figure(
        "accept",
        f"floor: bare psycopg, a transaction each, {CONNECTIONS} connections",
        "orders/s",
        floor,
    )


def _clients(number: int) -> str:
    return f"{number} client{'s' if number > 1 else ''}"


def _run(url: str, clients: int, scale: Scale, *, key: bool = False) -> Outcome:
    return send(
        url, orders(url, USERS, key=key), connections=clients, seconds=scale.seconds
    ).expect_no_refusals()


def _figures(outcomes: dict[str, list[Outcome]]) -> Iterator[Figure]:
    framework = _figure(FRAMEWORK, outcomes.pop(FRAMEWORK))
    for name, runs in outcomes.items():
        figure = _figure(name, runs)
        if name in (_clients(CLIENTS), WITH_KEY):
            share = in_turn(figure.rounds, framework.rounds)
            met = figure.value >= 4_000 and share >= 0.7
            notes = {**figure.notes, "of the framework": round(share, 2)}
            figure = replace(
                figure, notes=notes, **verdict(met, "≥ 4,000/s and ≥ 0.7 of the framework")
            )
        yield figure
    yield framework


def _figure(name: str, runs: list[Outcome]) -> Figure:
    times = in_milliseconds([latency for run in runs for latency in run.latencies])
    notes: dict[str, float | str] = {
        "p50 ms": round(times["p50"], 1),
        "p99 ms": round(times["p99"], 1),
    }
    notes["client's core"] = f"{max(run.cpu for run in runs):.0%}"
    return Figure("accept", name, "requests/s", [run.rate for run in runs], notes=notes)
