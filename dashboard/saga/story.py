"""From what the services say of one order to moments, each in the lane of the service in which it
happened. Nothing here asks or draws. Next: draw.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import words
from system.known import Fact, together

Row = dict[str, Any]
LANES = ("order-service", "payment-service", "invoice-service")
COMMANDS = {"place": "command: place the order", "cancel": "command: cancel the order"}
ON_ITS_WAY = "on its way"


@dataclass(frozen=True)
class Told:
    """What each service says: the order; the events of its story, by log; and since when they are
    in the inboxes of payment-service and invoice-service, by id."""

    order: Fact[Row]
    orders_log: Fact[list[Row]]
    payments_log: Fact[list[Row]]
    received: Fact[dict[str, str]]
    projected: Fact[dict[str, str]]


@dataclass(frozen=True)
class Moment:
    """`at` None: it has not happened yet. `sends`: the types of the events that left with it."""

    lane: str
    at: datetime | None
    what: str
    state: str
    sends: tuple[str, ...] = ()


def lanes_of(told: Told) -> dict[str, Fact[list[Moment]]]:
    """What is known of each lane. One whose service does not answer is unknown, not empty."""
    return {
        "order-service": together(_steps, told.order, told.orders_log),
        "payment-service": together(_answers, told.orders_log, told.payments_log, told.received),
        "invoice-service": together(_lines, told.orders_log, told.projected),
    }


def moments_of(told: Told) -> list[Moment]:
    """All that are known, in the order in which they happened; what is on its way comes last."""
    known = [moment for lane in lanes_of(told).values() for moment in lane.or_none() or []]
    known += together(_answers_on_the_way, told.order, told.payments_log).or_none() or []
    happened = [moment for moment in known if moment.at is not None]
    happened.sort(key=lambda moment: moment.at or datetime.max)
    return happened + [moment for moment in known if moment.at is None]


# order-service


def _steps(order: Row, log: Sequence[Row]) -> list[Moment]:
    saga = order.get("saga")
    return [_step(entry) for entry in saga["history"]] if saga else _without_saga(log)


def _step(entry: Row) -> Moment:
    """What came in, the state after it, and what went out."""
    named = {**COMMANDS, "deadline": "the deadline has passed"}
    what, sent = str(entry["event"]), tuple(entry["sent"])
    state = "pending" if entry["state"] == "reserving" else str(entry["state"])
    changed = state if sent else f"{state}: it changes nothing"
    at = words.instant(entry["at"])
    return Moment("order-service", at, named.get(what, what), changed, sent)


def _without_saga(log: Sequence[Row]) -> list[Moment]:
    """An order that needed no credit: what became of it is in its events."""
    made = {"order.created": ("place", "approved"), "order.cancelled": ("cancel", "cancelled")}
    return [
        Moment("order-service", words.instant(event["time"]), COMMANDS[what], state, (type,))
        for event in log
        for type, (what, state) in made.items()
        if event["type"] == type
    ]


def _answers_on_the_way(order: Row, log: Sequence[Row]) -> list[Moment]:
    """Answers of payment-service that order-service has not counted yet."""
    history = order["saga"]["history"] if order.get("saga") else []
    counted = {entry["event_id"] for entry in history}
    return [
        Moment("order-service", None, event["type"], ON_ITS_WAY)
        for event in log
        if event["id"] not in counted
    ]


# payment-service


def _answers(asked: Sequence[Row], log: Sequence[Row], received: Mapping[str, str]) -> list[Moment]:
    answers = {event["causationid"]: event for event in log}
    requests = [event for event in asked if event["type"].startswith("reservation.")]
    return [
        _answer(event, received.get(event["id"]), answers.get(event["id"])) for event in requests
    ]


def _answer(request: Row, at: str | None, answer: Row | None) -> Moment:
    lane, what = "payment-service", str(request["type"])
    if at is None:
        return Moment(lane, None, what, ON_ITS_WAY)
    if answer is None:
        return Moment(lane, words.instant(at), what, _without_answer(what))
    sends = (str(answer["type"]),)
    return Moment(lane, words.instant(at), what, _state_of_credit(answer), sends)


def _state_of_credit(answer: Row) -> str:
    data = answer["data"]
    became = {"payment.reserved": "reserved", "payment.released": "given back"}
    if answer["type"] == "payment.refused":
        return f"refused: {data['reason']}"
    return f"{words.money(data['amount'])} {became[answer['type']]}"


def _without_answer(request: str) -> str:
    if request == "reservation.release_requested":
        return "nothing was reserved; noted, so that a late request is refused"
    return "answered before: it changes nothing"


# invoice-service


def _lines(log: Sequence[Row], projected: Mapping[str, str]) -> list[Moment]:
    orders = [event for event in log if event["type"].startswith("order.")]
    return [_line(event, projected.get(event["id"])) for event in orders]


def _line(event: Row, at: str | None) -> Moment:
    lane, what = "invoice-service", str(event["type"])
    if at is None:
        return Moment(lane, None, what, ON_ITS_WAY)
    return Moment(lane, words.instant(at), what, _state_of_line(event))


def _state_of_line(event: Row) -> str:
    what, data = event["type"], event["data"]
    if what == "order.created" and data.get("status") == "pending":
        return "no line yet"
    if "amount" in data:
        return f"a line of {words.money(data['amount'])}"
    return "the line is gone" if what == "order.cancelled" else "no line"
