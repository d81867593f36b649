"""Runs notebooks against a copy of the package that has one fault, and says which cells notice."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat

import cqrs_demo
from tests.notebooks.mutations.catalogue import Mutation
from tests.notebooks.nbval_run import SOLUTIONS

PACKAGE = Path(cqrs_demo.__file__).parent


@dataclass(frozen=True)
class Seen:
    """The source of the first cells that turned red, by notebook."""

    mutation: Mutation
    red: dict[str, list[str]]

    @property
    def noticed(self) -> bool:
        """By the cells that make the claim, and not by chance."""
        return all(
            any(text in cell for cell in self.red[number]) for number, text in self.mutation.red
        )


def mutated(mutation: Mutation, source: str) -> str:
    """Raises ValueError when the source has none of what is to be changed: then the mutation has to
    be written anew."""
    for before, after in mutation.changes:
        if before not in source:
            raise ValueError(f"{mutation.name}: {mutation.file} has no longer {before!r}")
        source = source.replace(before, after, 1)
    return source


def run(mutation: Mutation) -> Seen:
    """On PGMQ. A notebook ends at its first red cell."""
    with tempfile.TemporaryDirectory(prefix="cqrs-mutation-") as folder:
        copy = Path(folder)
        shutil.copytree(PACKAGE, copy / "cqrs_demo", ignore=shutil.ignore_patterns("__pycache__"))
        for folder in ("sql", "dashboard"):
            shutil.copytree(PACKAGE.parent / folder, copy / folder)
        file = copy / "cqrs_demo" / mutation.file
        file.write_text(mutated(mutation, file.read_text(encoding="utf-8")), encoding="utf-8")
        red = {number: _red_cells(number, copy) for number in mutation.notebooks}
        return Seen(mutation, red)


def _red_cells(number: str, package: Path) -> list[str]:
    [notebook] = SOLUTIONS.glob(f"{number}_*.ipynb")
    options = ["--nbval", "--nbval-sanitize-with", str(SOLUTIONS / "sanitize.cfg"), "-q"]
    options += ["--color=no", "-p", "no:cacheprovider", "-x"]
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CQRS_", "PYTEST_"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(notebook)],
        env=clean | {"CQRS_LAB_BROKER": "pgmq", "PYTHONPATH": str(package)},
        cwd=SOLUTIONS,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{notebook.name} could not be run:\n{done.stdout}{done.stderr}")
    cells = nbformat.read(notebook, as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    return [code[int(place)] for place in re.findall(r"^FAILED .*::Cell (\d+)", done.stdout, re.M)]
