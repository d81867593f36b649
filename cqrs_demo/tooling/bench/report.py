"""Figures for people (a table) and for programs (JSON)."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from cqrs_demo.tooling.bench.figures import Figure


def table(figures: Sequence[Figure]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column, justify in (
        ("", "left"),
        ("", "left"),
        ("broker", "left"),
        ("median", "right"),
        ("spread", "right"),
    ):
        table.add_column(column, justify=justify, no_wrap=column != "")  # type: ignore[arg-type]
    table.add_column("")
    table.add_column("")
    table.add_column("goal")
    last = ""
    for figure in figures:
        if figure.measurement != last:
            table.add_section()
        table.add_row(figure.measurement if figure.measurement != last else "", *_cells(figure))
        last = figure.measurement
    return table


def _cells(figure: Figure) -> list[str]:
    spread = (
        f"{_short(min(figure.rounds))} – {_short(max(figure.rounds))}"
        if len(figure.rounds) > 1
        else ""
    )
    notes = ", ".join(
        f"{name} {_short(value) if not isinstance(value, str) else value}"
        for name, value in figure.notes.items()
    )
    return [
        figure.name,
        figure.broker,
        _short(figure.value),
        spread,
        figure.unit,
        notes,
        _goal(figure),
    ]


def _goal(figure: Figure) -> str:
    if figure.met is None:
        return ""
    return f"[green]reached[/] {figure.goal}" if figure.met else f"[red]missed[/]  {figure.goal}"


def _short(value: float) -> str:
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def as_json(machine: dict[str, str], figures: Sequence[Figure]) -> dict[str, Any]:
    return {**machine, "figures": [figure.plain() for figure in figures]}
