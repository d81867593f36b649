"""codec: how long an event is in each format, and what it costs to write and to read it."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import get_args
from uuid import uuid4

from cqrs_demo.contract.codec import Encoded, decode, encode
from cqrs_demo.contract.events import ORDER_SERVICE, OrderCreated, type_of
from cqrs_demo.contract.format import EventFormat
from cqrs_demo.contract.schemas import schema_of
from cqrs_demo.tooling.bench.figures import Figure, Say, Scale

TIMES = 5_000

ORDER = {
    "id": 1_000_001,
    "user_id": 1_001,
    "description": "Widget, blue, with a handle",
    "amount": 50.25,
    "purchase_dt": "2025-04-03T10:00:00Z",
    "status": "approved",
}
ROW = {
    "sequence": 1_000_001,
    "id": uuid4(),
    "type": type_of(OrderCreated),
    "subject": "1000001",
    "time": datetime.now(UTC),
    "data": json.dumps(ORDER),
    "partitionkey": "1001",
    "correlationid": uuid4(),
    "dataschema": schema_of(OrderCreated),
}
"""As the relay reads it from the log."""


def measure(scale: Scale, say: Say) -> Iterator[Figure]:
    """In turn: whatever else the machine does falls on both."""
    say("codec: events in JSON and in Avro")
    formats: tuple[EventFormat, ...] = get_args(EventFormat)
    told = {format: _order(format) for format in formats}
    writing: dict[str, list[float]] = {format: [] for format in formats}
    reading: dict[str, list[float]] = {format: [] for format in formats}
    for _ in range(scale.rounds):
        for format, one in told.items():
            writing[format].append(_microseconds(partial(_order, format)))
            reading[format].append(_microseconds(partial(_read, one)))
    for format, one in told.items():
        notes: dict[str, float | str] = {"body": len(one.body), "headers": _headers(one)}
        size = float(len(one.body) + _headers(one))
        yield Figure("codec", f"an order in {format}", "bytes", [size], notes=notes)
        yield Figure("codec", f"write it in {format}", "µs", writing[format])
        yield Figure("codec", f"read it in {format}", "µs", reading[format])


def _order(format: EventFormat) -> Encoded:
    return encode(format, ORDER_SERVICE, **ROW)


def _read(told: Encoded) -> None:
    decode(told.body, told.content_type, told.headers)


def _headers(told: Encoded) -> int:
    return sum(len(name) + len(value) for name, value in told.headers.items())


def _microseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(TIMES):
        work()
    return (time.perf_counter() - began) * 1e6 / TIMES
