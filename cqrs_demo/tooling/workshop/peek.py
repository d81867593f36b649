"""Which columns of a table are worth looking at, and how a notebook finds its own rows in it."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from cqrs_demo.client.errors import Refused
from cqrs_demo.tooling.workshop.client import Client
from cqrs_demo.tooling.workshop.notebook_ids import ENTITIES, NotebookIds
from cqrs_demo.tooling.workshop.tables import readable


@dataclass(frozen=True)
class Peek:
    """`mine` is the column whose value, an id of `kind`, tells whose row it is."""

    columns: tuple[str, ...]
    mine: str
    kind: str
    about: str | None = None  # the kind of the column "id"
    type: str = "bigint"  # of the column `mine`
    order: str = "1"


PEEKS = {
    "users": Peek(("id", "name", "email", "idempotency_key", "event_id"), "id", "user", "user"),
    "accounts": Peek(
        ("id", "user_id", "address1", "city", "state", "zip", "idempotency_key", "event_id"),
        "user_id",
        "user",
        "account",
    ),
    "orders": Peek(
        ("id", "user_id", "description", "amount", "purchase_dt", "idempotency_key", "event_id"),
        "user_id",
        "user",
        "order",
    ),
    "events": Peek(("sequence", "id", "type", "subject", "data"), "id", "event", "event", "uuid"),
    "outbox": Peek(("sequence", "event_id"), "event_id", "event", type="uuid"),
    "invoice_account": Peek(
        ("user_id", "name", "email", "user_sequence", "shipping_address", "account_sequence"),
        "user_id",
        "user",
    ),
    "invoices": Peek(
        ("invoice_id", "user_id", "invoice_dt", "email", "shipping_address", "total"),
        "user_id",
        "user",
        order="user_id, invoice_dt",
    ),
    "invoice_lines": Peek(
        ("order_id", "invoice_id", "description", "amount", "purchase_dt"), "order_id", "order"
    ),
    "processed_events": Peek(("event_id",), "event_id", "event", type="uuid"),
    "dead_letters": Peek(
        ("event_id", "queue", "event_type", "reason", "failures", "status"),
        "event_id",
        "event",
        type="text",
    ),
}

SEQUENCES = {"user_sequence": "user_service", "account_sequence": "user_service"}
"""Columns that hold a position in another database's log."""


def peek(client: Client, own: NotebookIds, database: str, table: str) -> pd.DataFrame:
    """The notebook's own rows. Raises Refused for a table that is not there."""
    if table not in PEEKS:
        raise Refused(f"{table!r} cannot be peeked at; these can: {', '.join(PEEKS)}")
    what = PEEKS[table]
    columns, mine = ", ".join(what.columns), f"any(cast(:mine as {what.type}[]))"
    query = f"select {columns} from demo.{table} where {what.mine} = {mine} order by {what.order}"  # noqa: S608  # constants
    rows = client.sql(database, query, mine=[str(id) for id in own.all(what.kind)])
    positions = {
        name: _positions(client, own, SEQUENCES.get(name, database))
        for name in what.columns
        if name.endswith("sequence")
    }
    for name, places in positions.items():
        rows[name] = [places.get(value) for value in rows[name]]
    shown = readable(_shown(own, what, rows))
    return (
        shown.sort_values("event_id", key=lambda ids: [int(id.partition("-")[2]) for id in ids])
        if what.columns[0] == "event_id"
        else shown
    )


def _shown(own: NotebookIds, what: Peek, rows: pd.DataFrame) -> pd.DataFrame:
    shown = pd.DataFrame(index=rows.index)
    for name in what.columns:
        values = rows[name].tolist()
        if name == "idempotency_key" and all(value is None for value in values):
            continue  # seldom given
        if name == "data":
            values = [
                own.fields(value, ENTITIES.get(type))
                for value, type in zip(values, rows["type"], strict=True)
            ]
        elif name == "subject":
            values = [
                own.field(name, value, ENTITIES.get(type))
                for value, type in zip(values, rows["type"], strict=True)
            ]
        else:
            values = [
                own.field(name, value, what.about) if value is not None else None
                for value in values
            ]
        shown[name] = pd.Series(values, index=rows.index, dtype=object)
    return shown


def _positions(client: Client, own: NotebookIds, database: str) -> dict[Any, int]:
    """Real positions in a log, numbered among our own events."""
    query = (
        "select sequence from demo.events where id = any(cast(:mine as uuid[])) order by sequence"
    )
    found = client.sql(database, query, mine=[str(id) for id in own.all("event")])
    return {sequence: number for number, sequence in enumerate(found["sequence"], start=1)}
