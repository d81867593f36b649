"""An invoice's life on a line: an event where each of its orders was placed, and how far the shown
invoice goes. Many events in one place are one mark, the darker the more."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from html import escape

import words

PLACES = 150


def timeline_html(moments: Sequence[datetime], as_of: datetime | None) -> str:
    """`moments`: when its events happened, oldest first. `as_of`: the moment that is shown; None
    is now. Nothing for an invoice without a life."""
    if len(moments) < 2:
        return ""
    first, last = moments[0], moments[-1]
    whole = max((last - first).total_seconds(), 0.001)
    places: Counter[tuple[int, bool]] = Counter()
    for at in moments:
        place = round(PLACES * (at - first).total_seconds() / whole)
        places[place, as_of is not None and at > as_of] += 1
    counted = sum(count for (_, later), count in places.items() if not later)
    marks = "".join(_mark(place, later, count) for (place, later), count in places.items())
    said = f"{words.plural(counted, 'event')} of {len(moments):,} counted"
    ends = f"<span>{words.exact(first)}</span><span>{said}</span><span>{words.exact(last)}</span>"
    return (
        f'<div class="life" role="img" aria-label="{escape(said)}">'
        f'<div class="line">{marks}</div><div class="ends">{ends}</div></div>'
    )


def _mark(place: int, later: bool, count: int) -> str:
    size = 10 + min(8, 2 * (count.bit_length() - 1))
    return (
        f'<i title="{words.plural(count, "event")}" class="{"later" if later else "counted"}" '
        f'style="left:{100 * place / PLACES:.2f}%;width:{size}px;height:{size}px"></i>'
    )
