"""The notebooks that people open, each run from top to bottom on PGMQ."""

from tests.notebooks.nbval_run import NOTEBOOKS, compare


def test_every_notebook_shows_what_is_stored_in_it() -> None:
    compare(sorted(NOTEBOOKS.glob("*.ipynb")), "pgmq")
