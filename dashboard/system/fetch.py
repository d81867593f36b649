"""What the pages ask for and do. Answers are shared by all sessions for a second, so that thirty
open tabs cost the services what one does. Nothing here draws. Next: pulse.py, which samples.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import uuid4

from cqrs_demo.client.answer import Answer
from cqrs_demo.client.client import Kind, Mode
from cqrs_demo.client.errors import NoAnswer, Refused, Trouble
from cqrs_demo.client.place import CONSUMERS
from cqrs_demo.exact_json import dumps
from system.reach import GLANCE, LOOK, PATIENCE, Row, client, waiting
from system.shared import shared
from system.tally import ALL_BY_THE_HOUR, Span


@shared(1)
def invoice(user_id: int, year: int, month: int) -> Row | None:
    """One user's invoice for one month, or None. Raises NoAnswer."""
    return _or_none(client().invoice(user_id, year, month))


def invoice_as_of(moment: datetime, user_id: int, year: int, month: int) -> Row | None:
    return _or_none(client().invoice(user_id, year, month, as_of=moment.isoformat()))


def _or_none(answer: Answer) -> Row | None:
    return None if answer.status == 404 else dict(answer.checked().body)


@shared(1, outlives=NoAnswer)
def newest_users() -> list[Row]:
    """While user-service is away, those that were known last: their orders are still taken."""
    return client().users(limit=300)


@shared(1)
def address_of(user_id: int) -> Row | None:
    """None also while it is not known, as user-service is away."""
    try:
        newest = client().accounts(user_id, limit=1)
    except NoAnswer:
        return None
    return newest[0] if newest else None


@shared(1)
def months_of(user_id: int) -> list[datetime]:
    """The months a user has invoices for, newest first."""
    found = client().search_invoices(user_id=user_id, limit=60)
    return [datetime.fromisoformat(row["invoice_dt"]) for row in found]


@shared(1)
def find_invoices(words: str, year: int | None, month: int | None, most: int = 200) -> list[Row]:
    """Invoices of users whose name or email contains the words, or whose id they are; the newest
    months first."""
    found = client().search_invoices(words=words, year=year, month=month, limit=most)
    return [{**row, "invoice_dt": datetime.fromisoformat(row["invoice_dt"])} for row in found]


@shared(5)
def invoiced_years() -> list[int]:
    """The years there are invoices of, newest first; none is left out between the first and the
    last."""
    told = client().statistics("invoice-service")
    if told["first_month"] is None:
        return []
    first, last = (datetime.fromisoformat(told[f"{end}_month"]).year for end in ("first", "last"))
    return list(range(last, first - 1, -1))


@shared(2)
def revenue(year: int) -> Row:
    return client().revenue(year)


def statistics(service: Literal["order-service", "invoice-service"]) -> Row:
    """How many orders it has and what they come to: those accepted, or those on invoices. Raises
    NoAnswer."""
    return waiting(GLANCE).statistics(service)


# Events


def newest_event(service: str) -> bytes | None:
    """The newest event in a service's log, as it went over the broker; None when there is none
    yet."""
    newest = client().newest_events(service, most=20)
    return dumps(newest[-1]) if newest else None


def when_committed(service: str, event_id: str) -> datetime | None:
    return _when(lambda: str(client().event(service, event_id)["time"]))


def when_projected(event_id: str) -> datetime | None:
    return _when(lambda: client().projected(event_id).get(event_id))


def when_passed(
    service: str, point: Literal["relay", "consumer"], event_id: str
) -> datetime | None:
    """When relay or consumer had the event; None when it has not passed, or nobody remembers."""
    return _when(lambda: str(client().passage(service, point, event_id)["at"]))


def _when(ask: Callable[[], str | None]) -> datetime | None:
    try:
        told = ask()
    except Refused:
        return None
    return datetime.fromisoformat(told) if told else None


# Commands


def create_user(name: str, email: str) -> Answer:
    return _send(lambda key: client().create_user(name, email, idempotency_key=key))


def create_account(user_id: int, address: Row) -> Answer:
    return _send(lambda key: client().create_account(user_id, **address, idempotency_key=key))


def place_order(
    user_id: int, description: str, amount: Decimal, bought: datetime | None = None
) -> Answer:
    """`bought` None: now, by the service's clock."""
    when = bought.isoformat() if bought else None
    return _send(
        lambda key: client().place_order(user_id, description, amount, when, idempotency_key=key)
    )


def cancel_order(order_id: int) -> Answer:
    return _send(lambda key: client().cancel_order(order_id, idempotency_key=key))


def _send(command: Callable[[str], Answer]) -> Answer:
    """A command. It carries a key of its own, so trying once more after a broken connection is
    safe. Whoever was silent is not waited for again. Raises NoAnswer, Refused."""
    key, began = str(uuid4()), time.monotonic()
    try:
        return command(key).checked()
    except NoAnswer:
        if time.monotonic() - began > LOOK:
            raise
        return command(key).checked()


def wait_for(answer: Answer, year: int, month: int, seconds: float = 0.5) -> None:
    """Read your own write: returns once the order is on its invoice, or after `seconds`; then the
    page will show it when it comes."""
    user_id = answer.body["user_id"]
    with suppress(Trouble):
        client().invoice(user_id, year, month, after_event=answer.event_id, wait=seconds)
    invoice.clear()
    months_of.clear()


# Dead letters


Told = tuple[list[Row], list[NoAnswer]]
"""Rows, each with its "service"; and who did not answer."""


@shared(1)
def dead_letter_groups() -> Told:
    """By service, type and reason, the largest first."""
    rows, silent = _of_each_consumer(lambda service: client().dead_letter_groups(service=service))
    return sorted(rows, key=lambda group: -group["letters"]), silent


def dead_letters(group: Row, most: int = 50) -> list[Row]:
    """Those of the group that wait, the newest first. A letter without a type has no group of its
    own to ask for, so those are picked out here. Raises NoAnswer."""
    chosen = {name: group[name] for name in ("reason", "event_type")}
    found = client().dead_letters(group["service"], status="waiting", limit=most, **chosen)
    return [letter for letter in found if letter["event_type"] == group["event_type"]]


def settled_letters(most: int = 200) -> Told:
    """The newest first."""
    ask = lambda service: client().dead_letters(service, status="all", limit=most)  # noqa: E731
    rows, silent = _of_each_consumer(ask)
    settled = [row for row in rows if row["status"] != "waiting"]
    return sorted(settled, key=lambda row: str(row["settled_at"]), reverse=True), silent


def _of_each_consumer(ask: Callable[[str], list[Row]]) -> Told:
    rows: list[Row] = []
    silent: list[NoAnswer] = []
    for service in CONSUMERS:
        try:
            rows += [{**row, "service": service} for row in ask(service)]
        except NoAnswer as away:
            silent.append(away)
    return rows, silent


@shared(5)
def dead_letter(service: str, id: int) -> Row:
    return {**client().dead_letter(id, service), "service": service}


def settle(how: Literal["retry", "discard"], chosen: Row) -> Row:
    """Answers with counts. `chosen` names the "service", too."""
    wanted = {name: value for name, value in chosen.items() if name != "service"}
    counts: Row = dict(client().settle_dead_letters(how, wanted, chosen["service"]))
    dead_letter_groups.clear()
    dead_letter.clear()
    return counts


# Replay and verify


def start_run(kind: Kind, body: Row) -> Row:
    return client().start(kind, **body)


def stop_run(kind: Kind) -> None:
    client().stop(kind)


@shared(0.4)
def last_run(kind: Kind) -> Row | None:
    """None when there was none since the service started."""
    return client().progress(kind)


# Workshop controls

GATES = {
    "user relay": "user-service",
    "order relay": "order-service",
    "payment relay": "payment-service",
    "consumer": "invoice-service",
    "order consumer": "order-service",
    "payment consumer": "payment-service",
}
"""By the name on the pages: whose it is. The consumer without a name builds the invoices."""


def gate(name: str) -> Row:
    """What a relay or the consumer says of itself. Without the workshop's controls it is known to
    run, and no more. Raises NoAnswer."""
    service, ask = GATES[name], waiting(GLANCE)
    try:
        return ask.consumer(service) if _consumes(name) else ask.relay(service)
    except Refused:
        ask.get(service, "/healthcheck/live").checked()
        return {"mode": "running", "trouble": None, "controls": False}


def _consumes(gate: str) -> bool:
    return gate.endswith("consumer")


def counts(service: str, span: Span, of: Literal["log", "inbox"]) -> Row:
    """Events by the second in which they were born. Raises NoAnswer, Refused."""
    ask = waiting(PATIENCE if span == ALL_BY_THE_HOUR else GLANCE)
    return ask.counts(service, span.since, span.width, of)


def set_gate(name: str, mode: Mode) -> None:
    if _consumes(name):
        client().set_consumer(mode, GATES[name])
    else:
        client().set_relay(GATES[name], mode)


def step(name: str) -> int:
    """How many events moved: one, or none. Raises Refused while the gate is open."""
    if _consumes(name):
        return client().step_consumer(service=GATES[name])
    return client().step_relay(GATES[name])
