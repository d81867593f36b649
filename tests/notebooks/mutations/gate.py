"""Runs notebooks against a copy of the package that has one fault, and counts the cells that
notice."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cqrs_demo
from tests.notebooks.mutations.catalogue import Mutation
from tests.notebooks.nbval_run import SOLUTIONS

PACKAGE = Path(cqrs_demo.__file__).parent


@dataclass(frozen=True)
class Seen:
    """The cells that turned red, as "02: cell 31"."""

    mutation: Mutation
    red: tuple[str, ...]

    @property
    def noticed(self) -> bool:
        return len(self.red) >= self.mutation.red


def mutated(mutation: Mutation, source: str) -> str:
    """Raises ValueError when the source has none of what is to be changed: then the mutation has to
    be written anew."""
    for before, after in mutation.changes:
        if before not in source:
            raise ValueError(f"{mutation.name}: {mutation.file} has no longer {before!r}")
        source = source.replace(before, after, 1)
    return source


def run(mutation: Mutation) -> Seen:
    """On PGMQ. A notebook ends at the first red cells that are enough."""
    with tempfile.TemporaryDirectory(prefix="cqrs-mutation-") as folder:
        copy = Path(folder)
        shutil.copytree(PACKAGE, copy / "cqrs_demo", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(PACKAGE.parent / "sql", copy / "sql")
        file = copy / "cqrs_demo" / mutation.file
        file.write_text(mutated(mutation, file.read_text(encoding="utf-8")), encoding="utf-8")
        red: list[str] = []
        for number in mutation.notebooks:
            red += _red_cells(number, copy, mutation.red - len(red))
            if len(red) >= mutation.red:
                break
        return Seen(mutation, tuple(red))


def _red_cells(number: str, package: Path, enough: int) -> list[str]:
    [notebook] = SOLUTIONS.glob(f"{number}_*.ipynb")
    options = ["--nbval", "--nbval-sanitize-with", str(SOLUTIONS / "sanitize.cfg"), "-q"]
    options += ["--color=no", "-p", "no:cacheprovider", f"--maxfail={enough}"]
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
    cells = re.findall(r"^FAILED .*::Cell (\d+)", done.stdout, re.MULTILINE)
    return [f"{number}: cell {cell}" for cell in cells]
