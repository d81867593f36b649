"""The charts that move. They are plain Vega-Lite, and only their data changes, so that a redraw
neither flickers nor costs much."""

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from cqrs_demo.client.place import COMMAND_SERVICES
from system.known import Fact, together
from system.pulse import rates
from system.sample import RELAYS, Sample

BLUE, GREEN, AMBER, RED = "#6366f1", "#16a34a", "#d97706", "#dc2626"
HEIGHT = 230
POINTS = 150
SPANS = (60, 120, 300)  # seconds an axis may cover


Row = tuple[float, str, float | None]
"""Seconds before now (negative), the line's name, the value: None is a gap, where it is not
known."""


def flow_chart(samples: Sequence[Sample]) -> None:
    """Events accepted, published and projected a second, over the samples."""
    lines = {
        "accepted": [read_log(service) for service in COMMAND_SERVICES],
        "published": [read_relay(relay) for relay in RELAYS],
        "projected": [Sample.projected],
    }
    chosen = _thinned(samples)
    rows = [row for name, reads in lines.items() for row in _rates_over(chosen, name, reads)]
    _lines(rows, {"accepted": BLUE, "published": AMBER, "projected": GREEN})


def read_log(service: str) -> Callable[[Sample], Fact[int]]:
    return lambda sample: sample.logs[service]


def read_relay(relay: str) -> Callable[[Sample], Fact[int]]:
    return lambda sample: sample.published(relay)


def _rates_over(
    samples: Sequence[Sample], name: str, reads: Sequence[Callable[[Sample], Fact[int]]]
) -> list[Row]:
    """Their sum; not known where one of them is not."""
    pairs = zip(*(rates(samples, read) for read in reads), strict=True)
    sums = [None if None in each else sum(filter(None, each)) for each in pairs]
    ends = [later.at - samples[-1].at for later in samples[1:]]
    return [(at, name, value) for at, value in zip(ends, sums, strict=True)]


def waiting_chart(samples: Sequence[Sample]) -> None:
    """Events that wait, by where they do."""
    lines: dict[str, Callable[[Sample], Fact[int]]] = {
        "outbox": lambda sample: together(
            lambda *counts: sum(counts), *(sample.outbox(relay) for relay in RELAYS)
        ),
        "queues": Sample.in_queues,
        "dead letters": lambda sample: sample.dead,
    }
    rows: list[Row] = [
        (sample.at - samples[-1].at, name, read(sample).recorded())
        for sample in _thinned(samples)
        for name, read in lines.items()
    ]
    _lines(rows, {"outbox": BLUE, "queues": AMBER, "dead letters": RED})


def _thinned(samples: Sequence[Sample]) -> list[Sample]:
    """Every n-th, and the newest always."""
    step = max(1, len(samples) // POINTS)
    return list(samples[::-1][::step][::-1])


def _lines(rows: Sequence[Row], colours: dict[str, str]) -> None:
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
