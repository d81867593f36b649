"""A command as a waterfall: for each hop a bar from its start to its end, and what is to be seen on
a click. Nothing here asks anybody. Next: draw.py, which draws it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cqrs_demo.client.answer import pretty
from stage.traces import Receipt, Trace
from system.exchanges import Exchange
from waterfall import sources

Shown = tuple[str, str]
"""A heading, and a text as it is."""

UNKNOWN_EXCHANGE = (
    "HTTP",
    "Not known here: the command was not sent by this dashboard, or before it was started.",
)


@dataclass(frozen=True)
class Bar:
    """`start` and `end` are seconds since the epoch; None: not known, or not yet."""

    hop: str
    where: str
    start: float | None
    end: float | None
    shows: Sequence[Shown] = ()


def bars(trace: Trace, exchange: Exchange | None) -> list[Bar]:
    asked = exchange.answer.asked if exchange else None
    published = trace.published[0] if trace.published else None
    first = trace.receipts[0].at if trace.receipts else None
    if published is None:
        published = first  # published it was, by then
    return [
        _http(trace, exchange),
        Bar(
            "transaction",
            f"{trace.service}: row, event, outbox row",
            asked if asked is not None else trace.accepted,
            trace.accepted,
            [sources.command(trace.event["type"])],
        ),
        Bar(
            "in the outbox",
            "until the relay publishes it",
            trace.accepted,
            published,
            sources.RELAY,
        ),
        Bar(
            "in the broker",
            f"queue {trace.topic}",
            published,
            first,
            [("The event as it travels", pretty(trace.event))],
        ),
        *_inbox(trace),
    ]


def _http(trace: Trace, exchange: Exchange | None) -> Bar:
    if exchange is None:
        return Bar("HTTP", "sent by somebody else", None, None, [UNKNOWN_EXCHANGE])
    shows = [("Request", exchange.request()), ("Answer", repr(exchange.answer))]
    where = f"{exchange.method} {exchange.path}"
    return Bar("HTTP", where, exchange.answer.asked, exchange.answer.answered, shows)


def _inbox(trace: Trace) -> list[Bar]:
    """A bar for each time that the consumer had the event in hand."""
    sql = sources.projection(trace.event["type"])
    if not trace.receipts:
        end = trace.projected
        return [Bar("inbox, projection", "invoice-service", None, end, sql)]
    return [_hand(trace, number, receipt, sql) for number, receipt in enumerate(trace.receipts, 1)]


def _hand(trace: Trace, number: int, receipt: Receipt, sql: Sequence[Shown]) -> Bar:
    following = trace.receipts[number] if number < len(trace.receipts) else None
    until = following.at if following else float("inf")
    counted = trace.projected
    if counted is not None and receipt.at <= counted < until:
        return Bar(_named("inbox, projection", number), "counts now", receipt.at, counted, sql)
    end = next((end for end in trace.ends if receipt.at <= end.at < until), None)
    if end is not None:
        said = {"duplicate": "known to the inbox: dropped"}.get(end.what, "could not be applied")
        why = [("Why", trace.reason)] if trace.reason else []
        return Bar(_named("inbox", number), said, receipt.at, end.at, [*why, *sql])
    if following is None:
        return Bar(_named("inbox, projection", number), "in hand", receipt.at, None, sql)
    crash = following.process != receipt.process
    said = "ended by a crash: the broker keeps it" if crash else "failed: tried again"
    end_at = min(following.process, following.at) if crash else following.at
    return Bar(_named("inbox", number), said, receipt.at, end_at, sql)


def _named(hop: str, number: int) -> str:
    return hop if number == 1 else f"{hop}, {number}"
