"""The notebooks with the solutions, each run from top to bottom on PGMQ. In each exercise a learner
first leaves the answer empty, then tries wrong ones, then the right one, twice."""

import shutil
from pathlib import Path

import nbformat

from tests.notebooks.nbval_run import SOLUTIONS, assert_shows_what_is_stored
from tests.notebooks.with_tries import with_tries


def test_every_notebook_shows_what_is_stored_and_each_exercise_can_be_solved_after_wrong_tries(
    tmp_path: Path,
) -> None:
    # Given each notebook with what learners try in its exercises
    shutil.copy(SOLUTIONS / "conftest.py", tmp_path)
    for path in sorted(SOLUTIONS.glob("0*.ipynb")):
        notebook = with_tries(nbformat.read(path, as_version=4), path.name[:2])
        nbformat.write(notebook, tmp_path / path.name)

    # Then each cell shows what is stored, and each try gets the verdict that it deserves
    assert_shows_what_is_stored(sorted(tmp_path.glob("*.ipynb")), "pgmq")
