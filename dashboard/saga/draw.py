"""The timeline and the credit, as HTML."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from html import escape

import words
from saga.story import LANES, Moment, Row
from system.known import Fact


def head_html(order: Row) -> str:
    """Which order, what has become of it, and how long it may still wait."""
    reason = f" · {escape(str(order['reason']))}" if order.get("reason") else ""
    what = f"{escape(str(order['description']))}, {words.money(order['amount'])}"
    return (
        f'<div class="order {order["status"]}"><b>Order {order["id"]}</b> '
        f'<span class="status">{order["status"]}</span> '
        f"{what} · customer {order['user_id']}{reason}{_left(order)}</div>"
    )


def _left(order: Row) -> str:
    if order["status"] != "pending":
        return ""
    left = (words.instant(order["saga"]["deadline"]) - datetime.now(UTC)).total_seconds()
    return f" · <b>{max(0.0, left):.0f} s</b> until its deadline"


def timeline_html(lanes: Mapping[str, Fact[list[Moment]]], moments: Sequence[Moment]) -> str:
    first = moments[0].at if moments else None
    heads = "".join(_lane(lane, lanes[lane]) for lane in LANES)
    rows = "".join(_moment(moment, row, first) for row, moment in enumerate(moments, 2))
    return (
        '<div class="timeline" role="region" aria-label="Timeline">'
        f'<div class="when"></div>{heads}{rows}</div>'
    )


def _lane(name: str, known: Fact[list[Moment]]) -> str:
    if known.why is None:
        return f'<div class="lane"><b>{name}</b></div>'
    why = escape(known.why)
    return f'<div class="lane unknown"><b>{name}</b><em>unknown: {why}</em></div>'


def _moment(moment: Moment, row: int, first: datetime | None) -> str:
    sends = "".join(f"<i>→ {escape(type)}</i>" for type in moment.sends)
    waits = "" if moment.at else " waits"
    kind = " command" if moment.what.startswith("command") else ""
    column = LANES.index(moment.lane) + 2
    return (
        f'<div class="when" style="grid-row:{row}">{_when(moment.at, first)}</div>'
        f'<div class="moment{waits}{kind}" style="grid-row:{row};grid-column:{column}">'
        f'<span class="where">{moment.lane}</span><b>{escape(moment.what)}</b>'
        f"<em>{escape(moment.state)}</em>{sends}</div>"
    )


def _when(at: datetime | None, first: datetime | None) -> str:
    if at is None or first is None:
        return ""
    return words.clock(at) if at == first else f"+{words.duration((at - first).total_seconds())}"


def credit_html(user_id: int, credit: Fact[Row]) -> str:
    """A bar that fills with what is reserved. Unknown is no bar at all."""
    said = credit.shown(
        lambda row: (
            f"{words.money(row['reserved'])} of {words.money(row['limit'])} reserved, "
            f"{words.money(row['available'])} left"
        )
    )
    bar = credit.shown(_bar) if credit.fresh else ""
    return f'<div class="credit"><b>Credit of customer {user_id}</b> <span>{said}</span>{bar}</div>'


def _bar(row: Row) -> str:
    limit, reserved = Decimal(row["limit"]), Decimal(row["reserved"])
    part = 100 * reserved / limit if limit else Decimal(0)
    return (
        f'<div class="bar" role="meter" aria-label="Credit reserved" aria-valuemin="0" '
        f'aria-valuemax="{limit}" aria-valuenow="{reserved}">'
        f'<i style="width:{part:.1f}%"></i></div>'
    )
