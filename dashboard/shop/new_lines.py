"""Which lines of an invoice are new to this viewer."""

import time
from collections import Counter
from typing import Any

import streamlit as st

from receipt import Line, lines_of
from system import fetch

FRESH = 4.0  # seconds a new line stays lit

Which = tuple[int, int, int]
"""User, year, month."""


def fresh_lines(which: Which, invoice: dict[str, Any] | None) -> Counter[Line]:
    """The lines that came while this viewer was looking at this invoice. Only the last one looked
    at is remembered."""
    lines = Counter(lines_of(invoice))
    if not _is_seen(which):
        _see(which, lines)
    seen = st.session_state["seen invoice"]
    if lines != seen["lines"]:
        arrived = lines - seen["lines"]
        seen.update(lines=lines, fresh=arrived, since=time.monotonic())
    return seen["fresh"] if time.monotonic() - seen["since"] < FRESH else Counter()


def await_order(which: Which, order: dict[str, Any]) -> None:
    """The viewer has just placed it: its line is new to them, also on an invoice that they have not
    looked at before."""
    if not _is_seen(which):
        before = Counter(lines_of(fetch.invoice(*which)))
        _see(which, before - Counter(lines_of({"orders": [order]})))


def _is_seen(which: Which) -> bool:
    seen = st.session_state.get("seen invoice")
    return seen is not None and seen["which"] == which


def _see(which: Which, lines: Counter[Line]) -> None:
    st.session_state["seen invoice"] = {
        "which": which,
        "lines": lines,
        "fresh": Counter(),
        "since": 0.0,
    }
