"""Makes of a notebook one in which each exercise is first left empty, then answered wrongly, then
rightly, twice, and then rightly in other ways, as learners do. Cells that were there keep the
outputs that are stored in them, for nbval to compare."""

import copy
import runpy
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from tests.notebooks.nbval_run import SOLUTIONS
from tests.notebooks.tries import EXERCISES, Tries

make_exercises = runpy.run_path(str(SOLUTIONS / "make_exercises.py"))


def with_tries(solved: NotebookNode, number: str) -> NotebookNode:
    """`number` is the notebook's: "00"."""
    notebook = copy.deepcopy(solved)
    cells: list[Any] = []
    exercises = exercises_of(notebook)
    for cell in notebook.cells:
        exercise = next((one for one in exercises if cell is one[1]), None)
        if exercise is not None:
            place, solution, check = exercise
            tries = EXERCISES[f"{number}.{place}"]
            cells += before(solution, check, tries)
        cells.append(cell)
        exercise = next((one for one in exercises if cell is one[2]), None)
        if exercise is not None:
            place, solution, check = exercise
            cells += after(solution, check, EXERCISES[f"{number}.{place}"])
    notebook.cells = cells
    return notebook


def exercises_of(notebook: NotebookNode) -> list[tuple[int, Any, Any]]:
    """The number, the solution and the check of each exercise, in order."""
    tagged = {
        tag: [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]
        for tag in ("solution", "check")
    }
    pairs = zip(tagged["solution"], tagged["check"], strict=True)
    return [(place, *pair) for place, pair in enumerate(pairs, start=1)]


def before(solution: Any, check: Any, tries: Tries) -> Iterator[Any]:
    names = make_exercises["names_in"](solution.source)
    yield from tried("\n".join(f"{name} = ..." for name in names), check, "✎ Not answered yet.")
    for wrong in ("\n".join(f"{name} = None" for name in names), *tries.wrong):
        yield from tried(wrong, check, "✘ Not quite: ")


def after(solution: Any, check: Any, tries: Tries) -> Iterator[Any]:
    for right in (solution.source, *tries.right):
        yield from tried(right, check, "✔ Right.")


def tried(answer: str, check: Any, verdict: str) -> Iterator[Any]:
    """The learner's cell and the check. The third cell fails when the verdict is another."""
    yield new_code_cell(f"%%capture\n{answer}")
    yield new_code_cell(f"%%capture judged\n{check.source}")
    yield new_code_cell(
        dedent(f"""
        told = judged.stdout
        assert "{verdict}" in told, f"{{told}} for the answer:\\n" + {answer!r}
        assert "cannot be checked, " not in told, f"{{told}} for the answer:\\n" + {answer!r}
        """).strip()
    )
