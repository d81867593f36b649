"""Makes the notebooks that people open from those in this folder, which are the source.

    python notebooks/solutions/make_exercises.py          after every change here
    python notebooks/solutions/make_exercises.py --run    runs the notebooks first and stores what
                                                          really came out; with numbers: only these

A cell tagged `solution` keeps its comments, and each name it assigns becomes `name = ...`. A cell
tagged `check` is folded. No cell has an output: what is to be predicted must not be on the page.
All other cells are the same in both. CI fails when the two sets differ.
"""

import ast
import copy
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

SOLUTIONS = Path(__file__).parent
FOLDER = SOLUTIONS.parent
ADDRESS = re.compile(r"127\.0\.0\.1:\d+")  # as in sanitize.cfg
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def exercises(solved: NotebookNode) -> NotebookNode:
    """The notebook with its solutions and outputs taken out."""
    notebook = copy.deepcopy(solved)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code":
            cell.source = cell.source.replace("](../", "](")  # it stands one folder higher
            continue
        cell.outputs, cell.execution_count = [], None
        if "solution" in tags:
            cell.source = without_solution(cell.source)
        elif "check" in tags:
            cell.metadata["jupyter"] = {"source_hidden": True}  # it gives the answer away
    return notebook


def without_solution(source: str) -> str:
    """The comments that open the cell, and `name = ...` for each name that it gives a value."""
    lines = source.splitlines()
    opening = lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))]
    return "\n".join([*opening, *(f"{name} = ..." for name in names_in(source))])


def names_in(source: str) -> list[str]:
    names = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return list(dict.fromkeys(names))


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
    path.write_text(ADDRESS.sub("127.0.0.1:PORT", text(notebook)), encoding="utf-8")


def main() -> None:
    numbers = tuple(word for word in sys.argv[1:] if word.isdecimal())
    for path in sorted(SOLUTIONS.glob("0*.ipynb")):
        if "--run" in sys.argv and path.name.startswith(numbers or "0"):
            print(f"running {path.name}", flush=True)
            run(path)
        made = text(exercises(nbformat.read(path, as_version=4)))
        (FOLDER / path.name).write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
