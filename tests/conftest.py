"""What every test can ask for: one real PostgreSQL for the session, and fresh databases in it for each test."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cqrs_demo.runtime.postgres import EmbeddedPostgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """One PostgreSQL for the whole session, thrown away afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        server.start()
        yield server
        server.stop()


pytest_plugins = ["tests.fixtures.shop", "tests.fixtures.brokers", "tests.fixtures.shared_shop"]
