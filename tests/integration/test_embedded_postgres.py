"""The PostgreSQL that comes in a wheel."""

from collections.abc import Iterator
from contextlib import suppress

import psutil
import psycopg
import pytest

from cqrs_demo.runtime.postgres import EmbeddedPostgres


@pytest.mark.parametrize("again", range(5))
def test_one_that_was_killed_starts_again_at_once(own_postgres: EmbeddedPostgres, again: int) -> None:
    # Given a server that is killed with all its processes
    pid = own_postgres.pid()
    assert pid is not None
    postmaster = psutil.Process(pid)
    postmaster.suspend()  # it is to start no more
    for process in (*postmaster.children(recursive=True), postmaster):
        with suppress(psutil.NoSuchProcess):
            process.kill()

    # When it is started before the system is done with the dead
    own_postgres.start()

    # Then another one answers
    with psycopg.connect(own_postgres.dsn()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert own_postgres.pid() != pid


@pytest.fixture(scope="module")
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("own-postgres"))
    server.start()
    yield server
    server.stop()
