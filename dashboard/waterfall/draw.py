"""A waterfall as HTML: each hop can be opened by a click or a key, without a word to the server."""

from collections.abc import Sequence
from html import escape

import words
from waterfall.bars import Bar, Shown

NARROW = 0.6  # percent: a bar is not drawn narrower
FURTHER = 1.25  # how far the picture reaches beyond the last time, while something goes on


def waterfall_html(bars: Sequence[Bar]) -> str:
    """A bar without an end goes on to the right edge; one without a start is not known. Nothing in
    it follows the clock: what somebody has opened stays open."""
    times = [at for bar in bars for at in (bar.start, bar.end) if at is not None]
    start, last = min(times, default=0.0), max(times, default=0.0)
    goes_on = any(bar.start is not None and bar.end is None for bar in bars)
    whole = max((last - start) * (FURTHER if goes_on else 1.0), 0.001)
    rows = "".join(_row(bar, start, whole) for bar in bars)
    return f'<div class="waterfall">{rows}</div>'


def _row(bar: Bar, start: float, whole: float) -> str:
    shown = "".join(_shown(one) for one in bar.shows)
    return (
        f"<details><summary><b>{escape(bar.hop)}</b><span>{escape(bar.where)}</span>"
        f'<span class="track">{_bar(bar, start, whole)}</span>'
        f'<span class="took">{_took(bar)}</span></summary>{shown}</details>'
    )


def _bar(bar: Bar, start: float, whole: float) -> str:
    at = bar.start if bar.start is not None else bar.end
    if at is None:
        return ""
    left = min(100 - NARROW, 100 * (at - start) / whole)
    width = 100 - left if bar.end is None else 100 * (bar.end - at) / whole
    kind = ' class="open"' if bar.end is None else ""
    return (
        f'<i{kind} style="left:{left:.2f}%;width:{min(100 - left, max(NARROW, width)):.2f}%"></i>'
    )


def _took(bar: Bar) -> str:
    if bar.start is None:
        return "unknown" if bar.end is None else "by then"
    return "…" if bar.end is None else words.duration(max(0.0, bar.end - bar.start))


def _shown(one: Shown) -> str:
    heading, text = one
    title = f"<h6>{escape(heading)}</h6>" if heading else ""
    return f"{title}<pre>{escape(text.strip())}</pre>"
