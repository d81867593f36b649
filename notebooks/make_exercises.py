"""Makes the notebooks that people open from those in solutions/, which are the source.

    python notebooks/make_exercises.py            after every change in solutions/
    python notebooks/make_exercises.py --run      runs solutions/ first and stores what really came out

A cell tagged `solution` keeps its comments, and each name it assigns becomes `name = ...`. A cell
tagged `check` then says that nothing is answered yet, and is folded. All other cells, with their
outputs, are the same in both. CI fails when the two sets differ.
"""

import ast
import copy
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from cqrs_demo.tooling.workshop.exercise import NOT_YET

FOLDER = Path(__file__).parent
SOLUTIONS = FOLDER / "solutions"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def exercises(solved: NotebookNode) -> NotebookNode:
    """The notebook with its solutions taken out."""
    notebook = copy.deepcopy(solved)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "solution" in tags:
            cell.source, cell.outputs, cell.execution_count = (
                without_solution(cell.source),
                [],
                None,
            )
        elif "check" in tags:
            cell.metadata["jupyter"] = {"source_hidden": True}  # it gives the answer away
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=NOT_YET + "\n")]
    return notebook


def without_solution(source: str) -> str:
    """The comments that open the cell, and `name = ...` for each name that it assigns."""
    lines = source.splitlines()
    opening = lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))]
    assigned = [
        target.id
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    return "\n".join([*opening, *(f"{name} = ..." for name in dict.fromkeys(assigned))])


def text(notebook: NotebookNode) -> str:
    return str(nbformat.writes(notebook)) + "\n"


def run(path: Path) -> None:
    """Run a notebook and store what came out, without what is never the same twice."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=180,
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    notebook.metadata = nbformat.from_dict(METADATA)
    path.write_text(text(notebook), encoding="utf-8")


def main() -> None:
    for path in sorted(SOLUTIONS.glob("0*.ipynb")):
        if "--run" in sys.argv:
            print(f"running {path.name}", flush=True)
            run(path)
        made = text(exercises(nbformat.read(path, as_version=4)))
        (FOLDER / path.name).write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
