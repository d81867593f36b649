"""Which system a notebook breaks."""

from pathlib import Path

import pytest

from cqrs_demo.tooling.workshop import which_system
from cqrs_demo.tooling.workshop.which_system import LAB_SYSTEM, own_folder


class Started:
    """Stands in for a system that was started."""

    folder = Path("started")


@pytest.fixture(autouse=True)
def nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(which_system, "own_system", lambda *, fresh: Started())


def test_notebooks_that_run_one_after_the_other_share_a_system_that_they_may_break(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(LAB_SYSTEM, "shared")
    assert own_folder() == Path("shared")


def test_a_notebook_that_needs_an_empty_system_gets_one_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(LAB_SYSTEM, "shared")
    assert own_folder(fresh=True) == Path("started")


def test_a_notebook_alone_has_a_system_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LAB_SYSTEM, raising=False)
    assert own_folder() == Path("started")
