"""relay and consumer alone: events per second out of a prepared outbox, then out of the queue that
this filled.

Each has the machine to itself: while the relay drains, the consumer is paused, and nobody posts.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from cqrs_demo.tooling.bench import bare, loop, prepared
from cqrs_demo.tooling.bench.end_to_end import invoiced
from cqrs_demo.tooling.bench.figures import Figure, Say, Scale, in_turn, verdict
from cqrs_demo.tooling.bench.load import LoadFailed
from cqrs_demo.tooling.bench.rig import Rig, wait_until

FIRST_USER = 2_000_001


def measure(rig: Rig, scale: Scale, say: Say) -> Iterator[Figure]:
    relayed, consumed, sent, taken = [], [], [], []
    for number in range(scale.drains):
        say(
            f"relay and consumer, {rig.broker}: round {number + 1} of {scale.drains}, "
            f"{scale.drained_events:,} events"
        )
        relay, consumer = _drain(rig, FIRST_USER + number * 1_000, scale.drained_events)
        library = bare.rabbitmq if rig.broker == "rabbitmq" else bare.pgmq
        alone = loop.run(library(rig.broker_url, scale.drained_events))
        relayed.append(relay)
        consumed.append(consumer)
        sent.append(alone.sent)
        taken.append(alone.taken)
    name = "aio-pika" if rig.broker == "rabbitmq" else "PGMQ's SQL functions"
    yield from _beside("relay", relayed, f"{name} alone, sending", sent, rig.broker)
    yield from _beside("consumer", consumed, f"{name} alone, receiving", taken, rig.broker)


def _drain(rig: Rig, first_user: int, number: int) -> tuple[float, float]:
    """Events per second of the relay and of the consumer. Raises LoadFailed when an event gets
    lost."""
    with rig.paused("consumer"):
        with rig.paused("relay"):
            prepared.orders_in_outbox(rig, first_user, number)
            began = time.perf_counter()
        with _asking(
            rig.dsn("order_service"),
            "select count(*) from (select from demo.outbox limit 1) as one_left",
        ) as left:
            emptied = wait_until(lambda: left() == 0)
        relay = number / (time.perf_counter() - began)
        began = time.perf_counter()
    with _asking(
        rig.dsn("invoice_service"), invoiced(range(first_user, first_user + 1_000))
    ) as arrived:
        all_there = wait_until(lambda: arrived() >= number)
        consumer = number / (time.perf_counter() - began)
        if not emptied or not all_there or arrived() != number:
            raise LoadFailed(
                f"the oracle says no: {number} events in the outbox, {arrived()} orders on "
                f"invoices ({rig.broker})"
            )
    return relay, consumer


@contextmanager
def _asking(dsn: str, query: str) -> Iterator[Callable[[], int]]:
    with psycopg.connect(dsn, autocommit=True) as connection:

        def ask() -> int:
            row = connection.execute(query.encode(), prepare=True).fetchone()
            assert row is not None
            return int(row[0])

        yield ask


def _beside(
    name: str, ours: list[float], bare_name: str, bare_rates: list[float], broker: str
) -> Iterator[Figure]:
    share = in_turn(ours, bare_rates)
    goal = verdict(share >= 0.8, "≥ 0.8 of the bare library")
    yield Figure(
        name,
        "draining what is prepared",
        "events/s",
        ours,
        broker,
        {"of the bare library": round(share, 2)},
        **goal,
    )
    yield Figure(name, bare_name, "messages/s", bare_rates, broker)
