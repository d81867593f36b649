"""Beside the flow: the newest rows of the write side and of the read side, the changed ones lit."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

import words
from cqrs_demo.client.errors import Trouble
from stage.traces import Trace
from system.reach import client
from system.shared import shared

TABLES = {
    "user": "users",
    "account": "accounts",
    "order": "orders",
    "reservation": "order_sagas",
    "payment": "reservations",
    "credit": "credits",
}
"""By topic: the table whose row went in with the event."""
SHOWN = 5
LIT = 5.0  # seconds

Invoice = tuple[int, int, int]
"""User, year, month."""


def written_html(traces: Sequence[Trace]) -> str:
    """What commands have written last: row, event and outbox row."""
    newest = sorted(
        (trace for trace in traces if trace.accepted), key=lambda trace: -(trace.accepted or 0)
    )
    rows = [(*_written(trace.event), trace.accepted or 0.0) for trace in newest[:SHOWN]]
    return _table(("Row", "What", "User"), rows, "Nothing written yet")


def _written(event: dict[str, Any]) -> tuple[str, str, str]:
    data, table = event["data"], TABLES[event["type"].partition(".")[0]]
    what = {
        "users": lambda: data["name"],
        "accounts": lambda: f"{data['address1']}, {data['city']}",
        "orders": lambda: _order(event),
    }.get(table, lambda: _credit(event))
    user = data["id"] if table == "users" else data.get("user_id", "")
    return f"{table} {event['subject']}", str(what()), str(user)


def _order(event: dict[str, Any]) -> str:
    data, became = event["data"], event["type"].partition(".")[2]
    if "amount" not in data:
        return f"{became}: {data['reason']}" if data.get("reason") else became
    what = f"{data.get('description', '')} {words.money(data['amount'])}"
    return what if became == "created" else f"{what}, {became}"


def _credit(event: dict[str, Any]) -> str:
    """Of a reservation, a payment or a limit."""
    data, happened = event["data"], event["type"].partition(".")[2].replace("_", " ")
    amount = data.get("amount", data.get("limit"))
    return happened if amount is None else f"{words.money(amount)} {happened}"


def read_html(traces: Sequence[Trace]) -> str:
    """The invoices that events have changed last."""
    changed: dict[Invoice, float] = {}
    for trace in traces:
        if trace.projected and trace.topic == "order" and "purchase_dt" in trace.event["data"]:
            which = _invoice(trace.event["data"])
            changed[which] = max(changed.get(which, 0.0), trace.projected)
    newest = sorted(changed.items(), key=lambda pair: -pair[1])[:SHOWN]
    rows = [(*row, at) for which, at in newest if (row := _read(which, at))]
    return _table(("Invoice", "Customer", "Total"), rows, "No invoice yet")


def _invoice(order: dict[str, Any]) -> Invoice:
    bought = datetime.fromisoformat(order["purchase_dt"]).astimezone(UTC)
    return int(order["user_id"]), bought.year, bought.month


def _read(which: Invoice, at: float) -> tuple[str, str, str] | None:
    """None while it cannot be told."""
    try:
        found = _row(*which, at)
    except Trouble:
        return None
    if found is None:
        return None
    name = found["name"] or f"User {which[0]}: name not known yet"
    return words.month(found["invoice_dt"]), name, words.money(found["total"])


@shared(5)
def _row(user: int, year: int, month: int, changed: float) -> dict[str, Any] | None:
    """Asked again when an event has changed it."""
    return next(iter(client().search_invoices(user_id=user, year=year, month=month, limit=1)), None)


def _table(head: Sequence[str], rows: Sequence[tuple[str, str, str, float]], empty: str) -> str:
    if not rows:
        return f'<div class="rows quiet">{empty}</div>'
    now = time.time()
    drawn = "".join(
        f"<tr{' class=lit' if now - at < LIT else ''}>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + f"<td>{words.clock(datetime.fromtimestamp(at, UTC))}</td></tr>"
        for *cells, at in rows
    )
    heads = "".join(f"<th>{name}</th>" for name in (*head, "At"))
    return f'<table class="rows"><tr>{heads}</tr>{drawn}</table>'
