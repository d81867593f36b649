"""Both shops in a notebook's hand: ours and the naive one, on a PostgreSQL and a broker of their
own, which end with the notebook. `hazard()` gives both the same orders and the same fault.

Next: hazard_child.py, where they run; hazards/show.py, how a hazard is shown and counted.
"""

from decimal import Decimal
from html import escape
from typing import Any

import pandas as pd

from cqrs_demo.client.errors import Refused
from cqrs_demo.exact_json import loads
from cqrs_demo.tooling.hazards.catalog import HAZARDS, hazard_named
from cqrs_demo.tooling.hazards.report import COLUMNS
from cqrs_demo.tooling.hazards.waiting import HazardFailed
from cqrs_demo.tooling.workshop.private_systems import Kind, PrivateShops
from cqrs_demo.tooling.workshop.which_system import own_kind


class SideBySide:
    """What one hazard came to in both shops, and the two lines of code that decided it."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told
        self._shops = {shop["shop"]: shop for shop in told["shops"]}

    def money(self, shop: str, column: str) -> Decimal:
        """`shop` is ours or naive; `column` one of accepted, invoiced, lost, doubled, wrong_sums,
        unseen. Raises Refused for another, and for what nobody measured."""
        found = self._shops.get(shop, {}).get(column)
        if found is None:
            raise Refused(f"nothing was measured that is called {shop!r}, {column!r}")
        return Decimal(found["money"])

    @property
    def lost(self) -> Decimal:
        """The money of the orders that the naive shop has accepted and that no invoice shows."""
        return self.money("naive", "lost")

    @property
    def table(self) -> pd.DataFrame:
        """How many orders (of how much money). What nobody looked at is left out."""
        rows = {
            name: {title: _cell(shop[column]) for column, title in COLUMNS.items() if shop[column]}
            for name, shop in reversed(self._shops.items())
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="shop")

    @property
    def lines(self) -> list[tuple[str, str, str, str]]:
        """Whose line it is, its file, its code, and what comes of it."""
        told = self._told
        return [
            ("naive", *_place(told["naive_line"]), told["naive_result"]),
            ("ours", *_place(told["our_line"]), told["prevented_by"]),
        ]

    def __repr__(self) -> str:
        told = [f"{who:7}{file}\n       {code}\n       {so}" for who, file, code, so in self.lines]
        return "\n".join(
            [self._told["what_happens"], "", self.table.to_string(), "", *told, *self._problems]
        )

    def _repr_html_(self) -> str:
        lines = "".join(
            f"<tr><th>{who}</th><td style='text-align:left'><code>{escape(code)}</code><br>"
            f"<small>{file}</small></td><td style='text-align:left'>{escape(so)}</td></tr>"
            for who, file, code, so in self.lines
        )
        problems = "".join(f"<p>{escape(problem)}</p>" for problem in self._problems)
        return (
            f"<p>{escape(self._told['what_happens'])}</p>{self.table.to_html()}"
            f"<table>{lines}</table>{problems}"
        )

    @property
    def _problems(self) -> list[str]:
        return [f"✘ {problem}" for problem in self._told["problems"]]


class TwoShops:
    """The same pair for every call of open(); it ends with the notebook. Raises DidNotStart."""

    _open: "TwoShops | None" = None

    def __init__(self, kind: Kind) -> None:
        self._shops = PrivateShops(kind)

    @classmethod
    def open(cls) -> "TwoShops":
        """Some ten seconds, the first time."""
        if cls._open is None or not cls._open._shops.alive:
            cls._open = cls(own_kind())
        return cls._open

    def __repr__(self) -> str:
        return "Both shops are open: ours, and the naive one."

    def hazard(self, name: str, *, seed: int = 1) -> SideBySide:
        """Twelve orders into both shops, drawn from the seed, and the fault in both. Raises Refused
        for a name that is none, HazardFailed when the moment could not be hit."""
        try:
            hazard_named(name)
        except LookupError as error:
            raise Refused(str(error)) from None
        answer = loads(self._shops.ask({"hazard": name, "seed": seed}))
        if "failed" in answer:
            raise HazardFailed(answer["failed"])
        return SideBySide(answer)

    def hazards(self) -> "Known":
        """Those there are, and what happens in each."""
        return Known()


class Known:
    """The catalogue, with whole sentences: pandas would cut them off."""

    def __repr__(self) -> str:
        return "\n".join(f"{one.name:20}{one.what_happens}" for one in HAZARDS)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{one.name}</th>"
            f"<td style='text-align:left'>{escape(one.what_happens)}</td></tr>"
            for one in HAZARDS
        )
        return f"<table>{rows}</table>"


def _cell(tally: dict[str, Any]) -> str:
    return f"{tally['count']} ({tally['money']:,.2f})" if tally["count"] else "0"


def _place(line: dict[str, Any]) -> tuple[str, str]:
    """Without its number: that moves whenever somebody writes a line above it."""
    return f"cqrs_demo/{line['file']}", line["code"]
