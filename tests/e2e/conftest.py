"""Systems for the tests, and the promise that none of them outlives its test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.systems import Up, cqrs_demo, processes_of


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    """Start a system, by default in a folder of its own; whatever a test leaves running is ended
    after it."""
    started: list[Up] = []

    def start(name: str = "shop", *options: str, environment: dict[str, str] | None = None) -> Up:
        started.append(Up(tmp_path / name, *options, environment=environment))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.end()
        if processes_of(one.folder):
            cqrs_demo("down", "--data-dir", one.folder)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One running system for the tests that do not break it."""
    one = Up(tmp_path_factory.mktemp("shop") / "data")
    try:
        one.ready()
        yield one
    finally:
        one.end()
