"""The stores one can look into, each with a sentence on what it is for; and the look itself: SQL,
in a read-only session of the service's own role. No other module of the dashboard reads a database.
"""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from cqrs_demo.client.errors import NoAnswer
from system import reach
from system.shared import shared

MOST = 50
CONNECT_WITHIN, ANSWER_WITHIN = 2, 3  # seconds
OPTIONS = f"-c default_transaction_read_only=on -c statement_timeout={ANSWER_WITHIN}s"


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
    "sagas": Store(
        "order_service",
        "demo.order_sagas",
        "order_id",
        "One row per order that needs credit: state, deadline and all that happened.",
    ),
    "order inbox": Store(
        "order_service",
        "demo.processed_events",
        "processed_at",
        "Ids of the answers of payment-service that have counted already.",
    ),
    "credits": Store(
        "payment_service", "demo.credits", "user_id", "Each user's limit, and what is reserved."
    ),
    "reservations": Store(
        "payment_service",
        "demo.reservations",
        "order_id",
        "One row per order that asked for credit. Released without an amount: a tombstone.",
    ),
    "payment log": Store(
        "payment_service",
        "demo.events",
        "sequence",
        "Every event this service ever made, append-only.",
    ),
    "payment outbox": Store(
        "payment_service",
        "demo.outbox",
        "sequence",
        "What the broker has not confirmed yet; empty when all is well.",
    ),
    "payment inbox": Store(
        "payment_service",
        "demo.processed_events",
        "processed_at",
        "Ids of the requests for credit that have counted already.",
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
    "queue reservation": Store(
        "broker",
        'pgmq."q_payment-service.reservation"',
        "msg_id",
        "Messages nobody has acknowledged yet.",
        queue=True,
    ),
    "queue payment": Store(
        "broker",
        'pgmq."q_order-service.payment"',
        "msg_id",
        "Messages nobody has acknowledged yet.",
        queue=True,
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


def look_into(database: str, statement: str, **parameters: Any) -> list[reach.Row]:
    """Rows of a service's database (or of "broker", where that is PGMQ). Raises NoAnswer."""
    try:
        with (
            psycopg.connect(
                _dsn(database),
                autocommit=True,
                row_factory=dict_row,
                connect_timeout=CONNECT_WITHIN,
                options=OPTIONS,
                application_name="dashboard",
            ) as connection,
            hung_up_after(ANSWER_WITHIN + 0.5, connection),
        ):
            return connection.execute(statement.encode(), parameters).fetchall()
    except psycopg.Error as error:
        raise NoAnswer("does not answer", f"database {database}") from error


def _dsn(database: str) -> str:
    system = reach.system()
    known = dict(system.databases)
    if system.broker and system.broker.kind == "pgmq":
        known["broker"] = system.broker.url
    if database not in known:
        raise NoAnswer("is not known here", f"database {database}")
    return known[database]


@contextmanager
def hung_up_after(seconds: float, connection: psycopg.Connection[Any]) -> Iterator[None]:
    """A server that is frozen keeps no statement_timeout and hears no cancel. So we hang up, and
    whoever waits for its answer gets psycopg.OperationalError."""

    def hang_up() -> None:
        with suppress(OSError, psycopg.Error):
            line = socket.socket(fileno=connection.fileno())
            try:
                line.shutdown(socket.SHUT_RDWR)
            finally:
                line.detach()

    timer = threading.Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def statement(store: Store) -> str:
    return f"select * from {store.table} order by {store.newest} desc limit {MOST}"  # noqa: S608  # of STORES, no input


@shared(1.5)
def contents(store: Store) -> list[dict[str, Any]]:
    """The newest rows, shown as they are; bytes and JSON as text. Raises NoAnswer."""
    rows = look_into(store.database, statement(store))
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
