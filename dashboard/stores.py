"""The stores one can look into, each with a sentence on what it is for."""

import json
from dataclasses import dataclass
from typing import Any

import reach
from shared import shared

MOST = 50


@dataclass(frozen=True)
class Store:
    database: str
    table: str
    newest: str
    """What to order by, newest first."""
    says: str
    queue: bool = False


STORES = {
    "users": Store(
        "user_service", "demo.users", "id", "State, written by the create-user command."
    ),
    "accounts": Store("user_service", "demo.accounts", "id", "Addresses, any number per user."),
    "user log": Store(
        "user_service",
        "demo.events",
        "sequence",
        "Every event this service ever made, append-only.",
    ),
    "user outbox": Store(
        "user_service",
        "demo.outbox",
        "sequence",
        "What the broker has not confirmed yet; empty when all is well.",
    ),
    "orders": Store(
        "order_service", "demo.orders", "id", "State, written by the place-order command."
    ),
    "order log": Store(
        "order_service",
        "demo.events",
        "sequence",
        "Every event this service ever made, append-only.",
    ),
    "order outbox": Store(
        "order_service",
        "demo.outbox",
        "sequence",
        "What the broker has not confirmed yet; empty when all is well.",
    ),
    "queue user": Store(
        "broker", "pgmq.q_user", "msg_id", "Messages nobody has acknowledged yet.", queue=True
    ),
    "queue account": Store(
        "broker", "pgmq.q_account", "msg_id", "Messages nobody has acknowledged yet.", queue=True
    ),
    "queue order": Store(
        "broker", "pgmq.q_order", "msg_id", "Messages nobody has acknowledged yet.", queue=True
    ),
    "inbox": Store(
        "invoice_service",
        "demo.processed_events",
        "event_id",
        "Ids of the events that have counted already.",
    ),
    "customers known": Store(
        "invoice_service",
        "demo.invoice_account",
        "user_id",
        "What invoices need to know of a user.",
    ),
    "invoices": Store(
        "invoice_service", "demo.invoices", "invoice_dt", "One row per user and month."
    ),
    "lines": Store(
        "invoice_service",
        "demo.invoice_lines",
        "order_id",
        "One row per order: it cannot stand on an invoice twice.",
    ),
    "dead letters": Store(
        "invoice_service",
        "demo.dead_letters",
        "id",
        "What could not be applied, with its reason and its bytes.",
    ),
}


@shared(1.5)
def contents(database: str, table: str, newest: str) -> list[dict[str, Any]]:
    """The newest rows, shown as they are; bytes and JSON as text. Raises Away."""
    rows = reach.query(database, f"select * from {table} order by {newest} desc limit {MOST}")  # noqa: S608  # of STORES, no input
    return [{name: _shown(value) for name, value in row.items()} for row in rows]


def _shown(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return (
        value
        if isinstance(value, int | float | bool | None) or hasattr(value, "tzinfo")
        else str(value)
    )
