"""`pytest --nbval notebooks` starts one system for all of the notebooks, unless one runs; alone,
each would start its own."""

import os

import pytest

from cqrs_demo.tooling.workshop.which_system import own_system, running_system


def pytest_sessionstart(session: pytest.Session) -> None:
    if session.config.option.nbval and running_system() is None:
        os.environ["CQRS_DATA_DIR"] = str(own_system().folder)
