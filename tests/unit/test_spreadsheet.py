"""An invoice as CSV: nothing in it is taken for a formula."""

import csv
import io
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "dashboard"))  # its modules import each other so

from invoices.paper import as_csv  # type: ignore[import-not-found]

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1+1",
    "  =1+1",
    "\u00a0=1",
    "＝1+1",
    "＋1",
    "|cmd",
]


@pytest.mark.parametrize("description", FORMULAS)
def test_what_a_spreadsheet_may_calculate_is_marked_as_text(description: str) -> None:
    assert _described(description) == "'" + description


@pytest.mark.parametrize("description", ["Widget", "A = B", "50 %", "'quoted'", "名"])
def test_other_text_stays_as_it_is(description: str) -> None:
    assert _described(description) == description


def _described(description: str) -> str:
    order = {"purchase_dt": "2025-04-03T10:00:00Z", "description": description, "amount": 1}
    table = as_csv({"orders": [order]})
    [_, row] = csv.reader(io.StringIO(table, newline=""))
    return row[1]
