"""The charts that move. They are plain Vega-Lite, and only their data changes, so that a redraw
neither flickers nor costs much."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pulse import Sample, rates

BLUE, GREEN, AMBER, RED = "#6366f1", "#16a34a", "#d97706", "#dc2626"
HEIGHT = 230
POINTS = 150
SPANS = (60, 120, 300)  # seconds an axis may cover


def flow_chart(samples: Sequence[Sample]) -> None:
    """Events accepted and projected a second, over the samples."""
    rows = [
        (at, name, rate)
        for at, *both in rates(_thinned(samples))
        for name, rate in zip(("accepted", "projected"), both, strict=True)
    ]
    _lines(rows, {"accepted": BLUE, "projected": GREEN})


def waiting_chart(samples: Sequence[Sample]) -> None:
    """Events that wait, by where they do."""
    rows = [
        (sample.at - samples[-1].at, name, count)
        for sample in _thinned(samples)
        for name, count in (
            ("outbox", sample.in_outbox),
            ("queues", sample.in_queues),
            ("dead letters", sample.dead or 0),
        )
    ]
    _lines(rows, {"outbox": BLUE, "queues": AMBER, "dead letters": RED})


def _thinned(samples: Sequence[Sample]) -> list[Sample]:
    """Every n-th, and the newest always."""
    step = max(1, len(samples) // POINTS)
    return list(samples[::-1][::step][::-1])


def _lines(rows: Sequence[tuple[float, str, float]], colours: dict[str, str]) -> None:
    """Rows are seconds before now (negative), the line's name, the value."""
    oldest = min((-at for at, _, _ in rows), default=0)
    span = next((span for span in SPANS if oldest <= span), SPANS[-1])
    seconds = {
        "labelExpr": "datum.value == 0 ? 'now' : datum.value + ' s'",
        "tickCount": 5,
        "grid": False,
        "labelFontSize": 13,
    }
    encoding = {
        "x": {
            "field": "at",
            "type": "quantitative",
            "title": None,
            "scale": {"domain": [-span, 0]},
            "axis": seconds,
        },
        "y": {
            "field": "events",
            "type": "quantitative",
            "title": None,
            "axis": {"tickMinStep": 1, "tickCount": 5, "labelFontSize": 13},
        },
        "color": {
            "field": "what",
            "type": "nominal",
            "title": None,
            "legend": {"orient": "top", "labelFontSize": 13},
            "scale": {"domain": list(colours), "range": list(colours.values())},
        },
    }
    line = {"type": "line", "interpolate": "step-after", "strokeWidth": 2, "clip": True}
    data = pd.DataFrame(rows, columns=["at", "what", "events"])
    st.vega_lite_chart(
        data, {"mark": line, "encoding": encoding, "height": HEIGHT}, width="stretch"
    )
