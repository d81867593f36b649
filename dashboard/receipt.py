"""An invoice and a command's journey as HTML: the two things that the shop shows next to its
forms."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Any

import words

Line = tuple[str, str, str]
SHOWN = 10


def lines_of(invoice: dict[str, Any] | None) -> list[Line]:
    """The lines as they identify themselves: what, how much, when."""
    return [
        (line["purchase_dt"], line["description"], str(line["amount"]))
        for line in (invoice or {}).get("orders", [])
    ]


def invoice_html(
    invoice: dict[str, Any],
    name: str,
    fresh: Counter[Line] | None = None,
    shown: int | None = SHOWN,
    skip: int = 0,
    as_of: datetime | None = None,
) -> str:
    """`fresh` lines light up; with `shown`, only so many of the newest are drawn, the newest
    first, without the `skip` newest. `as_of`: the moment it is of, where that is not now."""
    lines = lines_of(invoice)
    newest = _newest(lines, fresh or Counter(), shown, skip) if shown else lines
    earlier = len(lines) - len(newest) - skip
    to = [
        f"<b>{escape(name)}</b>",
        _or_waiting(invoice["email"], "email"),
        _or_waiting(invoice["shipping_address"], "address"),
    ]
    rows = "".join(_row(line, fresh) for line in newest)
    more = (
        '<tr><td></td><td class="quiet">and '
        f"{words.plural(earlier, 'earlier line')}</td><td></td></tr>"
        if earlier
        else ""
    )
    orders, total = words.plural(len(lines), "order"), words.money(invoice["total"])
    return f"""<div class="invoice" role="region" aria-label="Invoice">
<header>
<div><div class="title">Invoice · {words.month(invoice["invoice_dt"])}</div>
<div class="sum"><b>{total}</b> · {orders}</div>
<div class="quiet">No. {str(invoice["invoice_id"])[:8]}</div>
{f'<div class="as-of">{as_of_words(as_of)}</div>' if as_of else ""}</div>
<div class="to">{"<br>".join(to)}</div>
</header>
<table><thead><tr><th>Bought</th><th>What</th><th>Amount</th></tr></thead><tbody>{rows}{more}
<tr class="total"><td></td><td>{orders}</td><td>{total}</td></tr></tbody></table></div>"""


def as_of_words(moment: datetime) -> str:
    """To the millisecond, with the zone: it also stands on paper."""
    return f"as of {words.exact(moment)} {moment.astimezone(words.zone()):%Z}"


def arrived_html(invoice: dict[str, Any], fresh: Counter[Line]) -> str:
    """The line that has just come, once more at the foot of a phone's screen, where the form hides
    the invoice."""
    if not fresh:
        return ""
    (_, what, amount), more = max(fresh), fresh.total() - 1
    others = f" and {words.plural(more, 'more line')}" if more else ""
    return (
        f'<div class="arrived" role="status"><span>New on the invoice</span> <b>{escape(what)}</b> '
        f"<b>{words.money(float(amount))}</b>{others}</div>"
    )


def _newest(lines: list[Line], fresh: Counter[Line], shown: int, skip: int) -> list[Line]:
    """What has just arrived is among them, also when it was bought long ago."""
    newest_first = sorted(lines, reverse=True)
    chosen = sorted(newest_first, key=lambda line: fresh[line] == 0)[skip : skip + shown]
    return sorted(chosen, reverse=True)


def _row(line: Line, fresh: Counter[Line] | None) -> str:
    when, what, amount = line
    new = ' class="fresh"' if fresh and fresh[line] > 0 else ""
    cells = words.day_and_time(when), escape(what), words.money(float(amount))
    return f"<tr{new}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _or_waiting(value: str | None, what: str) -> str:
    return escape(value) if value else f'<span class="quiet">{what} not known yet</span>'


def journey_html(
    what: str, hops: Sequence[tuple[str, str, float | None]], arrived: str = "visible after"
) -> str:
    """`hops`: name, where, seconds since the first; None for one not reached, or not remembered.
    `arrived`: what can be said of the last, with its time after it."""
    reached = [at for _, _, at in hops if at is not None]
    whole = max(*reached, 0.001) if reached else 0.001
    end = hops[-1][2]
    headline = (
        f"{arrived} <b>{words.duration(end)}</b>"
        if end is not None
        else '<b class="wait">on its way …</b>'
    )
    rows = "".join(_hop(hop, where, at, whole) for hop, where, at in hops)
    return (
        f'<div class="journey"><div class="headline">{escape(what)}: '
        f"{headline}</div><table>{rows}</table></div>"
    )


def _hop(hop: str, where: str, at: float | None, whole: float) -> str:
    state, told = ("open", "…") if at is None else ("done", f"+{words.duration(at)}")
    bar = (
        "" if at is None else f'<i style="width:{max(0.0, min(100.0, 100 * at / whole)):.1f}%"></i>'
    )
    name = f'<td class="hop">{hop}</td><td class="quiet where">{where}</td>'
    return (
        f'<tr class="{state}">{name}<td class="at">{told}</td><td><div '
        f'class="track">{bar}</div></td></tr>'
    )
