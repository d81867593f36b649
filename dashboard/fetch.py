"""What the pages ask for and do. Answers are shared by all sessions for a second, so that thirty
open tabs cost the services what one does. Nothing here draws. Next: pulse.py, which samples.
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Any

from reach import DATABASES, Answer, Refused, Row, Trouble, act, look, query, send
from shared import shared


@shared(1)
def invoice(user_id: int, year: int, month: int) -> Row | None:
    """One user's invoice for one month, or None. Raises Away."""
    return _invoice(user_id, year, month)


def invoice_as_of(moment: datetime, user_id: int, year: int, month: int) -> Row | None:
    return _invoice(user_id, year, month, as_of=moment.isoformat())


def _invoice(user_id: int, year: int, month: int, **more: Any) -> Row | None:
    try:
        found: Row = look(
            "invoice-service", "/invoices", user_id=user_id, year=year, month=month, **more
        )
    except Refused as refused:
        if refused.status == 404:
            return None
        raise
    return found


@shared(1)
def newest_users(most: int = 300) -> list[Row]:
    return query(
        "user_service",
        "select id, name, email from demo.users order by id desc limit :most",
        most=most,
    )


@shared(1)
def address_of(user_id: int) -> Row | None:
    newest = (
        "select address1, city, state, zip from demo.accounts where user_id = :user order by "
        "id desc limit 1"
    )
    rows = query("user_service", newest, user=user_id)
    return rows[0] if rows else None


@shared(1)
def months_of(user_id: int) -> list[datetime]:
    """The months a user has invoices for, newest first."""
    newest_first = (
        "select invoice_dt from demo.invoices where user_id = :user order by "
        "invoice_dt desc limit 60"
    )
    return [row["invoice_dt"] for row in query("invoice_service", newest_first, user=user_id)]


FOUND = """
select i.invoice_id, i.user_id, i.invoice_dt, i.total, i.email, a.name
from demo.invoices i
join demo.invoice_account a using (user_id)
where (:words = '' or a.name ilike :like or i.email ilike :like or i.user_id::text = :words)
  and (cast(:year as int) is null or i.invoice_dt >= make_timestamptz(:year, 1, 1, 0, 0, 0, 'UTC')
                                 and i.invoice_dt < make_timestamptz(:year + 1, 1, 1, 0, 0, 0,
                                     'UTC'))
  and (cast(:month as int) is null or extract(month from i.invoice_dt at time zone 'UTC') = :month)
order by i.invoice_dt desc, i.total desc, i.user_id
limit :most
"""


@shared(1)
def find_invoices(words: str, year: int | None, month: int | None, most: int = 200) -> list[Row]:
    """Invoices of users whose name or email contains the words, or whose id they are; the newest
    months first."""
    like = "%" + re.sub(r"([%_\\])", r"\\\1", words) + "%"
    return query(
        "invoice_service", FOUND, words=words, like=like, year=year, month=month, most=most
    )


@shared(5)
def invoiced_years() -> list[int]:
    """The years there are invoices of, newest first; none is left out between the first and the
    last."""
    ends = (
        "select extract(year from min(invoice_dt))::int as first, extract(year from "
        "max(invoice_dt))::int as last from demo.invoices"
    )
    row = query("invoice_service", ends)[0]
    return [] if row["first"] is None else list(range(row["last"], row["first"] - 1, -1))


@shared(2)
def moments_of(invoice_id: str) -> list[datetime]:
    """When each of an invoice's orders was placed, oldest first."""
    moments = (
        "select distinct happened_at from demo.invoice_lines where invoice_id = cast(:id as "
        "uuid) order by happened_at limit 500"
    )
    return [row["happened_at"] for row in query("invoice_service", moments, id=invoice_id)]


@shared(2)
def revenue(year: int) -> Row:
    report: Row = look("invoice-service", "/reports/revenue", year=year, top=10)
    return report


ACCEPTED = "select count(*) as orders, coalesce(sum(amount), 0) as amount from demo.orders"
INVOICED = "select count(*) as orders, coalesce(sum(amount), 0) as amount from demo.invoice_lines"


@shared(2)
def proof() -> tuple[Row, Row]:
    """Orders accepted by order-service, and orders on invoices: how many, and what they come to.
    Raises Away."""
    invoiced = query("invoice_service", INVOICED)[
        0
    ]  # first: what is accepted in between is on its way, not invented
    return query("order_service", ACCEPTED)[0], invoiced


def newest_event(service: str) -> bytes | None:
    """The newest event in a service's log, as it went over the broker; None when there is none
    yet."""
    end = query(DATABASES[service], "select max(sequence) as n from demo.events")[0]["n"]
    lines: str = look(service, "/events", after=end - 1, limit=1) if end else ""
    return lines.strip().encode() or None


def when_committed(service: str, event_id: str) -> datetime | None:
    rows = query(
        DATABASES[service], "select time from demo.events where id = cast(:id as uuid)", id=event_id
    )
    return rows[0]["time"] if rows else None


def when_projected(event_id: str) -> datetime | None:
    rows = query(
        "invoice_service",
        "select processed_at from demo.processed_events where event_id = cast(:id as uuid)",
        id=event_id,
    )
    return rows[0]["processed_at"] if rows else None


def when_passed(service: str, point: str, event_id: str) -> datetime | None:
    """When relay or consumer had the event; None when it has not passed, or nobody remembers."""
    try:
        return datetime.fromisoformat(look(service, f"/{point}/passages/{event_id}")["at"])
    except Refused:
        return None


# Commands


def create_user(name: str, email: str) -> Answer:
    return send("user-service", "/users", {"name": name, "email": email})


def create_account(user_id: int, address: Row) -> Answer:
    return send("user-service", "/accounts", {"user_id": user_id, **address})


def place_order(
    user_id: int, description: str, amount: Decimal, bought: datetime | None = None
) -> Answer:
    """`bought` None: now, by the service's clock."""
    body: Row = {"user_id": user_id, "description": description, "amount": amount}
    return send("order-service", "/orders", body | ({"purchase_dt": bought} if bought else {}))


def place_orders(
    user_id: int, orders: Sequence[tuple[str, Decimal]], bought: datetime | None = None
) -> Answer:
    """Several at once, eight under way at a time. The answer to the last."""
    with ThreadPoolExecutor(8) as pool:
        return list(
            pool.map(lambda order: place_order(user_id, order[0], order[1], bought), orders)
        )[-1]


def wait_for(answer: Answer, year: int, month: int, seconds: float = 0.5) -> None:
    """Read your own write: returns once the order is on its invoice, or after `seconds`; then the
    page will show it when it comes."""
    user_id = answer.body["user_id"]
    with suppress(Trouble):
        look(
            "invoice-service",
            "/invoices",
            user_id=user_id,
            year=year,
            month=month,
            after_event=answer.event_id,
            wait=seconds,
        )
    invoice.clear()
    months_of.clear()


# Dead letters


@shared(1)
def dead_letter_groups() -> list[Row]:
    """By type and reason, the largest first."""
    groups: list[Row] = look("invoice-service", "/dead-letters/groups")
    return groups


def dead_letters(status: str, group: Row | None = None, most: int = 50) -> list[Row]:
    """Newest first. A letter without a type has no group of its own to ask for, so those are picked
    out here."""
    chosen = (
        {name: group[name] for name in ("reason", "event_type") if group[name] is not None}
        if group
        else {}
    )
    letters: list[Row] = look(
        "invoice-service", "/dead-letters", status=status, limit=most, **chosen
    )
    return [
        letter for letter in letters if group is None or letter["event_type"] == group["event_type"]
    ]


@shared(5)
def dead_letter(id: int) -> Row:
    letter: Row = look("invoice-service", f"/dead-letters/{id}")
    return letter


def settle(how: str, chosen: Row) -> Row:
    """`how` is retry or discard. Answers with counts."""
    answer = act("invoice-service", f"/dead-letters/{how}", chosen).body
    dead_letter_groups.clear()
    dead_letter.clear()
    return dict(answer)


# Replay and verify


def start_run(kind: str, body: Row) -> Row:
    return dict(act("invoice-service", f"/{kind}", body).body)


def stop_run(kind: str) -> None:
    act("invoice-service", f"/{kind}", {}, method="DELETE")


def last_run(kind: str) -> Row | None:
    """None when there was none since the service started."""
    try:
        run: Row = _last_run(kind)
    except Refused as refused:
        if refused.status == 404:
            return None
        raise
    return run


@shared(0.4)
def _last_run(kind: str) -> Row:
    run: Row = look("invoice-service", f"/{kind}")
    return run


# Workshop controls

GATES = {
    "user relay": ("user-service", "/relay"),
    "order relay": ("order-service", "/relay"),
    "consumer": ("invoice-service", "/consumer"),
}


def gate(name: str) -> Row:
    """What a relay or the consumer says of itself. Without the workshop's controls it is known to
    run, and no more. Raises Away."""
    service, path = GATES[name]
    try:
        state: Row = look(service, path)
    except Refused:
        look(service, "/healthcheck")
        state = {"mode": "running", "trouble": None}
    return state


@shared(5)
def is_workshop() -> bool:
    """Whether the services have the controls that stop time. Raises Away."""
    try:
        look("order-service", "/relay")
    except Refused:
        return False
    return True


def set_gate(name: str, mode: str) -> None:
    service, path = GATES[name]
    act(service, path, {"mode": mode}, method="PUT")


def step(name: str, count: int = 1) -> int:
    """How many events moved. Raises Refused while the gate is open."""
    service, path = GATES[name]
    return int(act(service, f"{path}/step", {"count": count}).body["moved"])
