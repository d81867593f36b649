"""`pytest --nbval notebooks` starts one system for all of the notebooks, those that break things
included; alone, each would start its own. Those that can be shown on a running system take that."""

import os

import pytest

from cqrs_demo.tooling.workshop.which_system import LAB_SYSTEM, own_system, running_system


def pytest_sessionstart(session: pytest.Session) -> None:
    if session.config.option.nbval and LAB_SYSTEM not in os.environ:
        os.environ[LAB_SYSTEM] = folder = str(own_system().folder)
        if running_system() is None:
            os.environ["CQRS_DATA_DIR"] = folder
