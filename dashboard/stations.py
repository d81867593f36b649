"""Where the events are: each of the newest, and of those waiting, in the column of the place it has
reached.

An event is in the outbox while its row is there, in the read model once the inbox has its id, set
aside when a dead letter has it; otherwise the broker has it. So no queue has to be opened to know
what is in it, which RabbitMQ would count as a delivery.
"""

from html import escape

import reach
import words
from shared import shared
from stores import look_into

SHOWN, LOOKED_AT = 6, 100
COLUMNS = ("outbox", "broker", "read model")

IN_OUTBOX = """
select e.id, e.type, e.subject, e.time, true as outbox
from demo.outbox o join demo.events e using (sequence)
order by sequence limit 100
"""
LEFT_OUTBOX = """
select e.id, e.type, e.subject, e.time, false as outbox
from demo.events e
where sequence > (select coalesce(max(sequence), 0) - 400 from demo.events)
  and not exists (select from demo.outbox o where o.sequence = e.sequence)
order by sequence desc limit 200
"""
INBOX = "select event_id from demo.processed_events where event_id = any(%(ids)s::uuid[])"
DEAD = (
    "select event_id from demo.dead_letters where status = 'waiting' and event_id is not null "
    "limit 1000"
)


@shared(0.9)
def where_events_are() -> dict[str, list[reach.Row]]:
    """By column: the next to move first in outbox and broker, the newest first in the read model.
    Raises NoAnswer."""
    rows = [
        row
        for database in ("user_service", "order_service")
        for ask in (IN_OUTBOX, LEFT_OUTBOX)
        for row in look_into(database, ask)
    ]
    inbox = {
        row["event_id"]
        for row in look_into("invoice_service", INBOX, ids=[str(row["id"]) for row in rows])
    }
    dead = {row["event_id"] for row in look_into("invoice_service", DEAD)}
    columns: dict[str, list[reach.Row]] = {name: [] for name in COLUMNS}
    for row in sorted(rows, key=lambda row: row["time"]):
        if row["id"] in inbox:
            columns["read model"].insert(0, row)
        elif row["outbox"]:
            columns["outbox"].append(row)
        elif str(row["id"]) not in dead:
            columns["broker"].append(row)
    return columns


def stations_html(columns: dict[str, list[reach.Row]], before: dict[str, str]) -> str:
    """`before` is the column each event was in when last drawn: those that moved light up."""
    return (
        '<div class="stations">'
        + "".join(_station(name, columns[name], before) for name in COLUMNS)
        + "</div>"
    )


def _station(name: str, rows: list[reach.Row], before: dict[str, str]) -> str:
    """How many wait is counted in the rows that are shown, so both are of one moment."""
    more = " or more" if len(rows) >= LOOKED_AT else ""
    count = (
        "newest first"
        if name == "read model"
        else f"{words.number(len(rows))}{more} waiting, next first"
    )
    tickets = "".join(
        _ticket(row, before.get(str(row["id"]), name) != name) for row in rows[:SHOWN]
    )
    tickets = tickets or '<span class="quiet">empty</span>'
    return f'<div class="station"><h6>{name} <span>{count}</span></h6>{tickets}</div>'


def _ticket(row: reach.Row, moved: bool) -> str:
    new = " moved" if moved else ""
    what = escape(f"{row['type']} {row['subject'] or ''}")
    return f'<div class="ticket{new}"><b>{what}</b><span>{words.clock(row["time"])}</span></div>'
