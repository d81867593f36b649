"""What every test can ask for: one real PostgreSQL for the session, and fresh databases in it for
each test."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """One PostgreSQL for the whole session, thrown away afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        server.start()
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            # No test cuts the power: what a killed process wrote is with the system by then.
            admin.execute("alter system set fsync = off")
            admin.execute("select pg_reload_conf()")
        yield server
        server.stop()


pytest_plugins = ["tests.fixtures.shop", "tests.fixtures.brokers", "tests.fixtures.shared_shop"]


# A shell lets its background jobs ignore Ctrl-C, and every process we start to send one to would
# inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """A folder of this session's own for tmp_path. pytest's usual one is shared by all sessions of
    a user, and each new session closes it to others (chmod 0700), also to a PostgreSQL that runs in
    it as somebody else because we are root."""
    if "PYTEST_DEBUG_TEMPROOT" not in os.environ:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = folder = tempfile.mkdtemp(prefix="cqrs-tests-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
