"""Every chapter follows one form: an incident, a prediction, the failure, the code, an exercise,
its proof, when not to use it, and one minute of questions."""

from pathlib import Path
from typing import Any

import nbformat
import pytest

from cqrs_demo.tooling.workshop.quiz import quizzes
from tests.notebooks.nbval_run import SOLUTIONS

FORM = ("incident", "predict", "fails", "read", "solution", "check", "when-not", "quiz")
"""Tags of cells. A chapter may pass a station more than once, but it passes all, in this order."""

LACKING = {
    "00": {"read"},  # the first look: what happens, before anybody asks how
}
LAST_HEADINGS = ["## Exercises", "## When not to use it", "## One minute"]

each_chapter = pytest.mark.parametrize(
    "chapter", sorted(SOLUTIONS.glob("*.ipynb")), ids=lambda path: path.stem
)


def cells_of(chapter: Path) -> list[Any]:
    return list(nbformat.read(chapter, as_version=4).cells)


def tagged(cells: list[Any], tag: str) -> list[Any]:
    return [cell for cell in cells if tag in cell.metadata.get("tags", [])]


@each_chapter
def test_a_chapter_goes_through_the_whole_form_in_its_order(chapter: Path) -> None:
    # Given the tags of a chapter's cells, from top to bottom
    tags = iter([tag for cell in cells_of(chapter) for tag in cell.metadata.get("tags", [])])

    # Then the stations of the form are among them, one after the other
    for station in FORM:
        if station not in LACKING.get(chapter.name[:2], set()):
            assert station in tags, f"{station} is missing, or not at its place"


def test_only_a_chapter_that_lacks_a_station_is_excused_from_it() -> None:
    for number, stations in LACKING.items():
        [chapter] = SOLUTIONS.glob(f"{number}_*.ipynb")
        assert not [station for station in stations if tagged(cells_of(chapter), station)]


@each_chapter
def test_a_chapter_begins_with_an_incident_and_ends_with_its_limits_and_a_quiz(
    chapter: Path,
) -> None:
    # Given a chapter
    cells = cells_of(chapter)

    # Then somebody had a problem before anything is explained
    [incident] = tagged(cells, "incident")
    assert "**The incident:**" in incident.source or "## Incident 1" in incident.source

    # And its last headings are the same everywhere
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings[-3:] == LAST_HEADINGS

    # And it is short where it says when not to use what it teaches
    [limits] = tagged(cells, "when-not")
    assert 2 <= sum(line.startswith("- ") for line in limits.source.splitlines()) <= 5

    # And the questions of its quiz are not in its source
    [asked] = tagged(cells, "quiz")
    assert asked.source == f'quiz("{chapter.name[:2]}")'
    assert cells.index(asked) == len(cells) - 2


def test_every_chapter_has_its_quiz() -> None:
    assert list(quizzes()) == [path.name[:2] for path in sorted(SOLUTIONS.glob("*.ipynb"))]
