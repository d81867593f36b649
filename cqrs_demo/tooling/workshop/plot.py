"""Plots for notebooks, as SVG: drawn the same by JupyterLab, other editors, exports and code hosts,
with no network. Each also is a line of text. Sibling: map.py."""

from collections.abc import Mapping
from html import escape

import pandas as pd

from cqrs_demo.tooling.workshop.map import Picture

_COLOURS = ("#2a78b5", "#b5642a", "#2f8f4e", "#8a4fa8")
_WIDTH = 640


def lines(frame: pd.DataFrame, title: str) -> Picture:
    """A stepped line for each column over the index, in the order of the rows."""
    left, top, width, height = 50, 64, _WIDTH - 70, 180
    most = max(1, int(frame.to_numpy().max()))
    step = width / max(1, len(frame) - 1)
    parts = [_text(20, 24, title, bold=True), *_grid(left, top, width, height, most)]
    for number, moment in enumerate(frame.index):
        x = left + number * step
        parts.append(_text(x, top + height + 18, str(moment), anchor="end", turned=True))
    for number, (name, values) in enumerate(frame.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        corners = [
            (left + i * step, top + height * (1 - int(value) / most))
            for i, value in enumerate(values)
        ]
        parts.append(_steps(corners, colour))
        parts.append(_key(left + 210 * number, 46, str(name), colour))
    text = "; ".join(f"{name} {' '.join(map(str, frame[name]))}" for name in frame.columns)
    return Picture(_svg(top + height + 110, parts), f"[plot] {title}: {text}")


def bars(title: str, counts: Mapping[str, float]) -> Picture:
    """A bar for each count, from top to bottom, with its number."""
    left, most = 190, max(counts.values()) or 1
    parts = [_text(20, 24, title, bold=True)]
    for number, (name, count) in enumerate(counts.items()):
        y, length = 40 + 28 * number, max(1.0, (_WIDTH - left - 90) * float(count) / float(most))
        parts.append(_text(left - 8, y + 15, name, anchor="end"))
        parts.append(
            f'<rect x="{left}" y="{y}" width="{length:.1f}" height="20" fill="{_COLOURS[0]}"/>'
        )
        parts.append(_text(left + length + 6, y + 15, f"{count:,}"))
    text = "; ".join(f"{name} {count}" for name, count in counts.items())
    return Picture(_svg(52 + 28 * len(counts), parts), f"[plot] {title}: {text}")


def _svg(height: float, parts: list[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" '
        f'width="{_WIDTH}" font-family="sans-serif" font-size="12">'
        f'<rect width="{_WIDTH}" height="{height:.0f}" rx="8" fill="#fff"/>{"".join(parts)}</svg>'
    )


def _grid(left: float, top: float, width: float, height: float, most: int) -> list[str]:
    """Lines at the whole numbers, five at the most, each with its number."""
    every = -(-most // 5)
    parts = []
    for value in range(0, most + 1, every):
        y = top + height * (1 - value / most)
        parts.append(
            f'<line x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}" stroke="#ddd"/>'
        )
        parts.append(_text(left - 8, y + 4, str(value), anchor="end"))
    return parts


def _steps(corners: list[tuple[float, float]], colour: str) -> str:
    """From each point straight on to the next moment, and there up or down."""
    path = f"M{corners[0][0]:.1f} {corners[0][1]:.1f}"
    path += "".join(f"H{x:.1f}V{y:.1f}" for x, y in corners[1:])
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in corners)
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>{dots}'


def _key(x: float, y: float, name: str, colour: str) -> str:
    return f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{colour}"/>' + _text(
        x + 18, y, name
    )


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    bold: bool = False,
    turned: bool = False,
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    turn = f' transform="rotate(-35 {x:.1f} {y:.1f})"' if turned else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="#333" text-anchor="{anchor}"{weight}{turn}>'
        f"{escape(text)}</text>"
    )
