"""The figures as a picture: bars in an SVG file that any browser and GitHub show. Drawn by hand, so
that no drawing library is needed."""

from collections.abc import Iterator, Sequence
from html import escape

from cqrs_demo.tooling.bench.figures import Figure

WIDTH, LABELS, VALUES = 960, 430, 130
BAR, GAP, HEADING = 18, 8, 34
COLOURS = {"pgmq": "#4c78a8", "rabbitmq": "#f58518", "": "#72b7b2", "peer": "#9d9d9d"}
PANELS = {
    "accept": "Commands accepted, requests/s",
    "end to end": "End to end, POST to readable invoice, orders/s",
    "relay": "Relay, events/s",
    "consumer": "Consumer, events/s",
    "query": "Queries, invoices/s",
    "lag": "Lag, ms (p50)",
    "replay": "Replay, events/s",
}


def svg(machine: dict[str, str], figures: Sequence[Figure]) -> str:
    """Bars of one unit share a scale; the thin line is the spread of the rounds. The peer stands
    where it belongs."""
    parts: list[str] = []
    y = 56
    for measurement, title in PANELS.items():
        bars = [figure for figure in figures if _panel(figure) == measurement]
        if bars:
            parts.append(_text(16, y + 20, title, "heading"))
            y += HEADING
            top = max(max(bar.rounds) for bar in bars) or 1
            for bar in bars:
                parts += _bar(y, bar, top)
                y += BAR + GAP
            y += GAP
    about = f"{machine['date']}, {machine['machine']}, Python {machine['python']}"
    return "\n".join(
        [
            _opening(y + GAP),
            _text(16, 26, "cqrs-demo bench", "title"),
            _text(16, 44, about, "small"),
            *parts,
            "</svg>\n",
        ]
    )


def _panel(figure: Figure) -> str:
    """The peer's bars belong beside ours of the same name; a p99 is no rate, and the client's
    ceiling would dwarf the rest."""
    if figure.measurement == "peer":
        return "end to end" if figure.name.startswith("end to end") else "accept"
    if figure.measurement == "query" and figure.unit != "invoices/s":
        return ""
    return "" if figure.name.startswith("the load client") else figure.measurement


def _bar(y: int, figure: Figure, top: float) -> Iterator[str]:
    scale = (WIDTH - LABELS - VALUES) / top
    owner = "peer" if figure.measurement == "peer" else figure.broker
    label = f"peer: {figure.name.removeprefix('end to end, ')}" if owner == "peer" else figure.name
    colour = COLOURS[owner]
    length = max(figure.value, 0) * scale
    middle = y + BAR / 2
    yield _text(
        LABELS - 8, y + 13, f"{label} · {figure.broker}" if figure.broker else label, "label"
    )
    yield f'<rect x="{LABELS}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{colour}"/>'
    low, high = LABELS + max(min(figure.rounds), 0) * scale, LABELS + max(figure.rounds) * scale
    yield f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}" stroke="#333"/>'
    value = f"{figure.value:,.0f}" if figure.value >= 100 else f"{figure.value:.1f}"
    yield _text(max(high, LABELS + length) + 6, y + 13, value, "value")


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y}" class="{kind}">{escape(text)}</text>'


def _opening(height: int) -> str:
    style = (
        "text{font-family:system-ui,sans-serif;font-size:12px;fill:#222}.title{font-size:18px;font-weight:600}"
        ".heading{font-size:14px;font-weight:600}.label{text-anchor:end}.small{fill:#666}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 '
        f'{WIDTH} {height}">'
        f'<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>'
    )
