"""Plots for notebooks: Altair, drawn by JupyterLab itself, so that a room without a network sees
them too."""

from typing import Any

import altair as alt
import pandas as pd

_LAB = "application/vnd.vegalite.v5+json"
"""The newest Vega-Lite that JupyterLab 4 draws by itself; Altair's own renderer would fetch its
library from the network."""


class Chart:
    """An Altair chart that shows itself in JupyterLab, and as a line of text where nobody can draw
    it."""

    def __init__(self, chart: alt.Chart, text: str) -> None:
        self.chart, self._text = chart, text

    def __repr__(self) -> str:
        return self._text

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        spec = self.chart.to_dict() | {"$schema": "https://vega.github.io/schema/vega-lite/v5.json"}
        return {_LAB: spec, "text/plain": self._text}


def lines(frame: pd.DataFrame, title: str, width: int = 580, height: int = 220) -> Chart:
    """A stepped line for each column over the index, in the order of the rows."""
    moment = frame.index.name or "moment"
    long = (
        frame.rename_axis(moment).reset_index().melt(moment, var_name="what", value_name="events")
    )
    chart = (
        alt.Chart(long, title=title)
        .mark_line(interpolate="step-after", point=True, strokeWidth=2.5)
        .encode(
            x=alt.X(f"{moment}:N", sort=None, title=None, axis=alt.Axis(labelAngle=-35)),
            y=alt.Y("events:Q", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "what:N", sort=list(frame.columns), title=None, legend=alt.Legend(orient="top")
            ),
        )
        .properties(width=width, height=height)
    )
    return Chart(
        chart,
        f"[plot] {title}: "
        + "; ".join(f"{name} {' '.join(map(str, frame[name]))}" for name in frame.columns),
    )
