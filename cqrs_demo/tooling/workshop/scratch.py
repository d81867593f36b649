"""A PostgreSQL to try things in, apart from any shop; it ends with the notebook."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from cqrs_demo.tooling.workshop.private_systems import PrivateBroker
from cqrs_demo.tooling.workshop.tables import Databases, readable


class Scratch:
    """One database (it takes a few seconds to start). Raises Refused with what PostgreSQL says."""

    def __init__(self) -> None:
        self._kept = PrivateBroker("pgmq")
        self._databases = Databases({"scratch": self._kept.url})

    _open: "Scratch | None" = None

    @classmethod
    def open(cls) -> "Scratch":
        """The one of this notebook, empty."""
        if Scratch._open is None:
            Scratch._open = Scratch()
        Scratch._open.execute("drop schema if exists demo cascade;\ncreate schema demo")
        return Scratch._open

    def execute(self, statements: str) -> None:
        for statement in statements.split(";\n"):
            if statement.strip():
                self._databases.execute("scratch", statement)

    def sql(self, query: str) -> pd.DataFrame:
        return readable(self._databases.read("scratch", query))

    def plan(self, query: str) -> pd.DataFrame:
        """What PostgreSQL really did for a query: its steps, first to last, with the rows that each
        gave or read and threw away."""
        explained = self._databases.read("scratch", f"explain (analyze, format json) {query}").iloc[
            0, 0
        ]
        frame = pd.DataFrame(list(_steps(explained[0]["Plan"])), columns=["step", "table", "rows"])
        frame.index = pd.Index([""] * len(frame))
        return frame


def _steps(node: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """A node of the plan after those that feed it."""
    for inner in node.get("Plans", []):
        yield from _steps(inner)
    rows = round(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    )
    yield node["Node Type"], node.get("Relation Name", ""), rows
