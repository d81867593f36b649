"""The minutes in the workshop's plan are computed from what there is to read and to do."""

import re
from collections.abc import Iterable
from typing import Any

import nbformat
import pytest

from tests.notebooks.nbval_run import NOTEBOOKS, SOLUTIONS

WORDS = 130  # a minute
CELL, PREDICTION, EXERCISE, QUIZ = 20 / 60, 45 / 60, 4, 1  # minutes
BEYOND = "beyond"
"""The tag of what the core path leaves out."""

PLAN = re.findall(
    r"^\| (\d+) \| (?:★ (\d+)|) *\| \[(\d\d) ",
    (NOTEBOOKS / "README.md").read_text(encoding="utf-8"),
    re.M,
)
CORE = [number for _, core, number in PLAN if core]


def cells_of(number: str) -> list[Any]:
    [path] = SOLUTIONS.glob(f"{number}_*.ipynb")
    return list(nbformat.read(path, as_version=4).cells)


def tags_of(cell: Any) -> set[str]:
    return set(cell.metadata.get("tags", []))


def minutes(cells: Iterable[Any]) -> float:
    return sum(minutes_of(cell) for cell in cells)


def minutes_of(cell: Any) -> float:
    tags = tags_of(cell)
    if cell.cell_type == "markdown":
        return len(re.sub(r"<[^>]+>|\]\([^)]*\)", "", cell.source).split()) / WORDS
    known = {"predict": PREDICTION, "solution": EXERCISE, "check": 0, "quiz": QUIZ}
    return next((known[tag] for tag in known if tag in tags), CELL)


def core_of(number: str) -> list[Any]:
    return [cell for cell in cells_of(number) if BEYOND not in tags_of(cell)]


def rounded(computed: float) -> int:
    return 5 * round(computed / 5)


def test_the_plan_has_every_chapter() -> None:
    assert sorted(number for *_, number in PLAN) == [
        path.name[:2] for path in sorted(SOLUTIONS.glob("*.ipynb"))
    ]


@pytest.mark.parametrize(("told", "core", "number"), PLAN, ids=lambda one: one)
def test_the_minutes_of_a_chapter_are_what_is_computed(told: str, core: str, number: str) -> None:
    assert int(told) == rounded(minutes(cells_of(number)))
    assert not core or int(core) == rounded(minutes(core_of(number)))


def test_the_core_path_takes_75_minutes() -> None:
    assert len(CORE) == 4
    assert 70 < sum(minutes(core_of(number)) for number in CORE) <= 75


@pytest.mark.parametrize("number", CORE)
def test_what_the_core_path_leaves_out_says_so_in_its_heading(number: str) -> None:
    # Given each stretch of cells that the core path leaves out
    cells = cells_of(number)
    beyond = [BEYOND in tags_of(cell) for cell in cells]
    first = [i for i, out in enumerate(beyond) if out and not beyond[i - 1]]
    after = [i for i, out in enumerate(beyond) if not out and i and beyond[i - 1]]

    # Then it begins with a heading that says so, and the next heading takes up the path again
    assert first
    for place in first:
        assert re.match(r"##+ .* \*\(beyond the core path\)\*$", cells[place].source, re.M)
    assert all(cells[place].source.startswith(("## ", "*Notice*")) for place in after)
