"""What an event carries, as SQL: made of its contract, so that it is written down once.

A handler's statement puts the event into the log, from the columns of the row that it made
(`payload`). The audit (fold.py) reads it back into columns (`columns`).
"""

from dataclasses import fields
from typing import Any

from cqrs_demo.contract.events import (
    Id,
    Instant,
    KnownEvent,
    Limit,
    Money,
    PlacedAs,
    Text,
    data_of,
)

SQL_TYPES: dict[Any, str] = {
    Id: "bigint",
    Text: "text",
    Text | None: "text",
    PlacedAs: "text",
    Money: "numeric(12, 2)",
    Limit: "numeric(12, 2)",
    Instant: "timestamptz",
}


def payload(event: type[KnownEvent]) -> str:
    """An SQL expression for the event's data, over columns that are named like its fields."""
    pairs = [f"'{name}', {_json(name, type)}" for name, type in _fields(event)]
    return f"jsonb_build_object({', '.join(pairs)})"


def columns(event: type[KnownEvent]) -> dict[str, str]:
    """The fields of the event's data, each with its SQL type."""
    return {name: SQL_TYPES[type] for name, type in _fields(event)}


def _fields(event: type[KnownEvent]) -> list[tuple[str, Any]]:
    return [(field.name, field.type) for field in fields(data_of(event))]


def _json(name: str, type: Any) -> str:
    """Text and numbers are JSON by themselves; an instant is written as the contract says."""
    return f"demo.rfc3339({name})" if type is Instant else name
