"""Which lines of an invoice are new to this viewer."""

import time
from collections import Counter
from typing import Any

import streamlit as st

from receipt import Line, lines_of

FRESH = 4.0  # seconds a new line stays lit


def fresh_lines(which: tuple[int, int, int], invoice: dict[str, Any] | None) -> Counter[Line]:
    """The lines that came while this viewer was looking at this invoice. Only the last one looked
    at is remembered."""
    seen = st.session_state.get("seen invoice")
    lines = Counter(lines_of(invoice))
    if seen is None or seen["which"] != which:
        seen = st.session_state["seen invoice"] = {
            "which": which,
            "lines": lines,
            "fresh": Counter(),
            "since": 0.0,
        }
    if lines != seen["lines"]:
        arrived = lines - seen["lines"]
        seen.update(lines=lines, fresh=arrived, since=time.monotonic())
    return seen["fresh"] if time.monotonic() - seen["since"] < FRESH else Counter()
