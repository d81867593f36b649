"""The two sets of notebooks belong together, and each is what a reader can expect of it."""

import re
import runpy
from pathlib import Path
from typing import Any

import nbformat
import pytest

from cqrs_demo.tooling.workshop.predict import predictions
from tests.notebooks.tries import EXERCISES

ROOT = Path(__file__).parents[2]
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))
make_exercises = runpy.run_path(str(ROOT / "notebooks" / "solutions" / "make_exercises.py"))

each_notebook = pytest.mark.parametrize("solved", SOLUTIONS, ids=lambda path: path.stem)


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_every_notebook_has_its_solution_and_the_story_its_order() -> None:
    # Given both folders
    opened = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))

    # Then they hold the same notebooks, which are numbered
    assert [name[:2] for name in opened] == sorted({name[:2] for name in opened})
    assert {f"0{number}" for number in range(8)} < {name[:2] for name in opened}
    assert opened == [path.name for path in SOLUTIONS]


@each_notebook
def test_the_notebook_that_people_open_is_made_from_its_solution(solved: Path) -> None:
    # Given the notebook as it is stored
    stored = (ROOT / "notebooks" / solved.name).read_text(encoding="utf-8")

    # When it is made again
    made = make_exercises["text"](make_exercises["exercises"](nbformat.read(solved, as_version=4)))

    # Then nothing has changed
    assert stored == made, "run: python notebooks/solutions/make_exercises.py"


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
def test_the_notebook_that_people_open_shows_no_result(solved: Path) -> None:
    # Given the cells of the notebook that people open
    cells = code_cells(ROOT / "notebooks" / solved.name)

    # Then none has been run: what is to be predicted is not on the page
    assert not [cell.source for cell in cells if cell.outputs or cell.execution_count]


@each_notebook
def test_a_prediction_comes_before_the_cell_that_answers_it_and_what_happened_is_folded(
    solved: Path,
) -> None:
    # Given the cells of a notebook
    cells = nbformat.read(solved, as_version=4).cells
    asked = [i for i, cell in enumerate(cells) if "predict" in cell.metadata.get("tags", [])]

    # Then it asks at least twice, each time another question of its own
    names = [re.fullmatch(r'predict\("([\d.]+)"\)', cells[i].source)[1] for i in asked]  # type: ignore[index]
    assert len(set(names)) == len(names) >= 2
    assert names == [name for name in predictions() if name.startswith(solved.name[:2])]

    # And what comes after the cell that answers it has to be opened
    for place in asked:
        answer = next(i for i in range(place + 1, len(cells)) if cells[i].cell_type == "code")
        told = next(i for i in range(answer, len(cells)) if cells[i].cell_type == "markdown")
        assert cells[told].source.startswith(("<details>", "*Explain:*")), cells[told].source[:60]


@each_notebook
def test_the_first_line_of_a_check_gives_nothing_away(solved: Path) -> None:
    # Given the checks, of which JupyterLab shows the first line although they are folded
    checks = [cell for cell in code_cells(solved) if "check" in cell.metadata.get("tags", [])]

    # Then that line is the same everywhere
    assert {cell.source.splitlines()[0] for cell in checks} == {"# The check: run it."}


@each_notebook
def test_whatever_a_notebook_points_at_is_there(solved: Path) -> None:
    for path in (solved, ROOT / "notebooks" / solved.name):
        # Given the links and pictures of both notebooks
        cells = nbformat.read(path, as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        links = re.findall(r"\]\(([^):]+)\)", text)

        # Then each leads to a file, and to a heading in it
        for file, _, heading in (link.partition("#") for link in links):
            assert (path.parent / file).is_file(), f"{path.name} points at {file}"
            if heading:
                words = (path.parent / file).read_text(encoding="utf-8").casefold()
                assert f"### {heading.replace('-', ' ')}\n" in words, f"no {heading} in {file}"

        # And no picture needs a drawing program
        assert "```mermaid" not in text


@each_notebook
def test_every_exercise_is_tried_in_wrong_ways_too(solved: Path) -> None:
    # Given how many exercises a notebook has
    count = sum("check" in cell.metadata.get("tags", []) for cell in code_cells(solved))

    # Then what learners try is known for each
    number = solved.name[:2]
    assert [name for name in EXERCISES if name.startswith(number)] == [
        f"{number}.{place}" for place in range(1, count + 1)
    ]


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

    # Then it has about fifty cells at the most, predictions and code of the pattern included, with
    # what each chapter ends in (its limits and the quiz), and no output that is a scroll wall
    assert len(notebook.cells) <= 57
    shown = [output for cell in code_cells(solved) for output in cell.outputs]
    assert max(len(str(output.get("text", "")).splitlines()) for output in shown) <= 25

    # And neither folders nor ports of the machine on which it was run
    assert not re.search(r"/tmp/|/home/|/work/|/root/|127\.0\.0\.1:\d", text)

    # And nothing is left out of the comparison
    assert "nbval-ignore-output" not in text
