"""The notebooks that people open, each run from top to bottom on PGMQ."""

from tests.notebooks.nbval_run import NOTEBOOKS, assert_shows_what_is_stored


def test_every_notebook_shows_what_is_stored_in_it() -> None:
    assert_shows_what_is_stored(sorted(NOTEBOOKS.glob("*.ipynb")), "pgmq")
