"""What a hazard came to, for people (a table) and for programs (JSON)."""

from typing import Any

from rich.table import Table

from cqrs_demo.tooling.hazards.catalog import Hazard
from cqrs_demo.tooling.hazards.lines import CodeLine
from cqrs_demo.tooling.hazards.oracle import Row, Tally
from cqrs_demo.tooling.hazards.show import Shown

COLUMNS = {
    "accepted": "accepted",
    "invoiced": "on invoices",
    "lost": "lost",
    "doubled": "doubled",
    "wrong_sums": "wrong sums",
    "unseen": "not seen after the 201",
}
HARM = ("lost", "doubled", "wrong_sums", "unseen")


def description(hazard: Hazard) -> dict[str, Any]:
    return {
        "name": hazard.name,
        "title": hazard.title,
        "what_happens": hazard.what_happens,
        "naive_result": hazard.naive_result,
        "prevented_by": hazard.prevented_by,
        "naive_line": vars(hazard.naive_line),
        "our_line": vars(hazard.our_line),
    }


def as_json(shown: Shown) -> dict[str, Any]:
    return {
        **description(shown.hazard),
        "seed": shown.seed,
        "broker": shown.broker,
        "seconds": round(shown.seconds, 1),
        "shops": [_plain(row) for row in (shown.ours, shown.naive)],
        "problems": shown.problems,
    }


def _plain(row: Row) -> dict[str, Any]:
    tallies = {name: getattr(row, name) for name in COLUMNS}
    return {"shop": row.shop} | {
        name: None if tally is None else {"count": tally.count, "money": tally.money}
        for name, tally in tallies.items()
    }


def table(shown: Shown) -> Table:
    """A column that was not measured is left out: nobody looked."""
    names = [name for name in COLUMNS if getattr(shown.ours, name) is not None]
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="bold")
    table.add_column("shop")
    for name in names:
        table.add_column(COLUMNS[name], justify="right")
    for row in (shown.ours, shown.naive):
        table.add_row(row.shop, *(_cell(name, getattr(row, name)) for name in names))
    return table


def _cell(name: str, tally: Tally) -> str:
    text = f"{tally.count} ({tally.money:,.2f})" if tally.count else "0"
    if name not in HARM:
        return text
    return f"[red]{text}[/]" if tally.count else f"[green]{text}[/]"


def beside(hazard: Hazard) -> list[str]:
    """The line that does it, and the line that prevents it."""
    return [
        _told("naive", hazard.naive_line, hazard.naive_result),
        _told("ours", hazard.our_line, hazard.prevented_by),
    ]


def _told(whose: str, line: CodeLine, so: str) -> str:
    return f"{whose:5}  {line.file}:{line.number}  {line.code}\n       {so}"
