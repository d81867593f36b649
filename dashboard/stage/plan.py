"""From what is known of events to dots, each with its way: stations, and when it came to each.

A way only grows. One event makes two dots where it was delivered twice. Next: flow.js, which moves
the dots.
"""

from collections.abc import Sequence
from typing import Any
from zlib import crc32

from stage.traces import End, Receipt, Trace

Way = list[tuple[str, float]]
Dot = dict[str, Any]

MOST = 120  # dots at a time
SHOWN_FOR = 12.0  # seconds after its end that a dot is still told of
NOT_LONG_AFTER = 0.001  # seconds: what ended in the moment of the next receipt ended before it
OUTBOXES = {
    "user-service": "user outbox",
    "order-service": "order outbox",
    "payment-service": "payment outbox",
}
INBOXES = {"reservation": "payment inbox", "payment": "order inbox"}
"""By topic, of those that are not for the invoices."""


def dots_of(traces: Sequence[Trace], now: float) -> tuple[list[Dot], int]:
    """The dots to draw, and of how many events each is one: more than 1 in a burst."""
    current = [
        dot
        for trace in traces
        if trace.event
        for dot in _dots(trace)
        if dot["fate"] is None or now - dot["way"][-1][1] < SHOWN_FOR
    ]
    every = 1
    while sum(_drawn(dot, every) for dot in current) > MOST:
        every *= 2
    return [dot for dot in current if _drawn(dot, every)], every


def _drawn(dot: Dot, every: int) -> bool:
    """By the event's id: one that is drawn stays drawn. Whatever has gone wrong is drawn anyway."""
    return dot["fate"] in ("dead", "duplicate") or crc32(dot["id"].encode()) % every == 0


def _dots(trace: Trace) -> list[Dot]:
    """The first delivery, and one for each that came after the event had counted."""
    first, later = _deliveries(trace)
    dots = [_dot(trace, trace.id, _first_way(trace, first), _fate(trace), len(first))]
    for number, (receipt, end) in enumerate(later, start=2):
        way = _later_way(trace, number, receipt, end)
        fate = "duplicate" if end else None
        dots.append(_dot(trace, f"{trace.id} {number}", way, fate, 1))
    return [dot for dot in dots if dot["way"]]


def _dot(trace: Trace, id: str, way: Way, fate: str | None, tries: int) -> Dot:
    event = trace.event
    label = f"{event['type']} {event.get('subject') or ''}".strip()
    says = f"{label}: {trace.reason}" if trace.reason else label
    return {
        "id": id,
        "topic": trace.topic,
        "label": label,
        "says": says,
        "fate": fate,
        "tries": tries,
        "way": way,
    }


def _deliveries(trace: Trace) -> tuple[list[Receipt], list[tuple[Receipt, End | None]]]:
    """The receipts up to when the event counted (more than one: it was tried again), and those
    after, each with its end."""
    counts = trace.projected if trace.projected is not None else trace.set_aside
    first: list[Receipt] = []
    later: list[tuple[Receipt, End | None]] = []
    for place, receipt in enumerate(trace.receipts):
        if first and counts is not None and receipt.at > counts:
            following = trace.receipts[place + 1 :]
            before = following[0].at + NOT_LONG_AFTER if following else float("inf")
            ends = [end for end in trace.ends if receipt.at <= end.at < before]
            later.append((receipt, ends[0] if ends else None))
        elif counts is None or receipt.at <= counts or not first:
            first.append(receipt)
    return first, later


def _first_way(trace: Trace, receipts: Sequence[Receipt]) -> Way:
    way: Way = []
    inbox = _inbox(trace)
    if trace.accepted is not None:
        way += [(trace.service, trace.accepted), (OUTBOXES[trace.service], trace.accepted)]
    if trace.subscriber is None:  # the broker keeps it for nobody
        return way + [(OUTBOXES[trace.service], at) for at in trace.published[:1]]
    in_broker = [*trace.published[:1], *(receipt.at for receipt in receipts[:1])]
    ended = _ended(trace)
    if in_broker or ended:
        way.append((trace.topic, min(in_broker or [ended[0][1]])))
    for before, receipt in zip([None, *receipts], receipts, strict=False):
        if before is None:
            way.append((inbox, receipt.at))
        elif before.process != receipt.process:  # a crash: the broker delivers it once more
            way += [(trace.topic, min(receipt.process, receipt.at)), (inbox, receipt.at)]
    if ended and not receipts:
        way.append((inbox, ended[0][1]))
    return way + ended


def _inbox(trace: Trace) -> str:
    return INBOXES.get(trace.topic, "inbox")


def _ended(trace: Trace) -> Way:
    if trace.projected is not None:
        return [(INBOXES.get(trace.topic, "invoices"), trace.projected)]
    if trace.set_aside is not None:
        return [("dead letters", trace.set_aside)]
    if trace.ends:
        return [(_gone(trace), trace.ends[0].at)]  # of a type that nobody knows
    return []


def _fate(trace: Trace) -> str | None:
    if trace.projected is not None:
        return "projected"
    if trace.set_aside is not None:
        return "dead"
    over = trace.ends or (trace.subscriber is None and trace.published)
    return "ignored" if over else None


def _gone(trace: Trace) -> str:
    return INBOXES.get(trace.topic, "gone")


def _later_way(trace: Trace, number: int, receipt: Receipt, end: End | None) -> Way:
    """Published once more by the relay, or sent by somebody else."""
    again = trace.published[number - 1 : number]
    way: Way = [(OUTBOXES[trace.service], again[0])] if again else []
    way += [(trace.topic, min([*again, receipt.at])), (_inbox(trace), receipt.at)]
    return way + ([(_gone(trace), end.at)] if end else [])
