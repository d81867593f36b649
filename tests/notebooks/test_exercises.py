"""The two sets of notebooks belong together, and each is what a reader can expect of it."""

import re
import runpy
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))
make_exercises = runpy.run_path(str(ROOT / "notebooks" / "make_exercises.py"))

each_notebook = pytest.mark.parametrize("solved", SOLUTIONS, ids=lambda path: path.stem)


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_there_are_eight_notebooks_and_each_has_its_solution() -> None:
    # Given both folders
    opened = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))

    # Then they hold the same eight notebooks
    assert [name[:2] for name in opened] == [f"0{number}" for number in range(8)]
    assert opened == [path.name for path in SOLUTIONS]


@each_notebook
def test_the_notebook_that_people_open_is_made_from_its_solution(solved: Path) -> None:
    # Given the notebook as it is stored
    stored = (ROOT / "notebooks" / solved.name).read_text(encoding="utf-8")

    # When it is made again
    made = make_exercises["text"](make_exercises["exercises"](nbformat.read(solved, as_version=4)))

    # Then nothing has changed
    assert stored == made, "run: python notebooks/make_exercises.py"


@each_notebook
def test_no_solution_is_left_in_the_notebook_that_people_open(solved: Path) -> None:
    # Given the cells of an exercise
    cells = [
        cell
        for cell in code_cells(ROOT / "notebooks" / solved.name)
        if "solution" in cell.metadata.get("tags", [])
    ]

    # Then there are one to three, and each has only comments and names to fill
    assert 1 <= len(cells) <= 3
    for cell in cells:
        assert all(
            line.startswith("#") or re.fullmatch(r"\w+ = \.\.\.", line)
            for line in cell.source.splitlines()
        )
        assert "= ..." in cell.source


@each_notebook
def test_a_solution_is_right_and_its_outputs_are_stored(solved: Path) -> None:
    # Given the solved notebook
    cells = code_cells(solved)

    # Then every cell was run, in order, and no output came from an error or as a warning
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [
        output
        for output in outputs
        if output.output_type == "error" or output.get("name") == "stderr"
    ]

    # And every check says that the answer is right
    checks = [cell for cell in cells if "check" in cell.metadata.get("tags", [])]
    assert checks
    assert all(
        any("✔ Right." in output.get("text", "") for output in cell.outputs) for cell in checks
    )


@each_notebook
def test_a_notebook_is_short_and_names_no_machine(solved: Path) -> None:
    # Given the notebook
    notebook = nbformat.read(solved, as_version=4)
    text = solved.read_text(encoding="utf-8")

    # Then it has about forty cells at the most, and no output that is a scroll wall
    assert len(notebook.cells) <= 42
    shown = [output for cell in code_cells(solved) for output in cell.outputs]
    assert max(len(str(output.get("text", "")).splitlines()) for output in shown) <= 25

    # And neither folders nor ports of the machine on which it was run
    assert not re.search(r"/tmp/|/home/|/work/|/root/|127\.0\.0\.1:\d", text)

    # And nothing is left out of the comparison
    assert "nbval-ignore-output" not in text
