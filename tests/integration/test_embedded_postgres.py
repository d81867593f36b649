"""The PostgreSQL that comes in a wheel."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.faults.processes import Postgres


@pytest.mark.parametrize("again", range(5))
def test_one_that_was_killed_starts_again_at_once(own_postgres: Postgres, again: int) -> None:
    # Given a server that is killed with all its processes
    pid = own_postgres.embedded.pid()
    own_postgres.kill()

    # When it is started before the system is done with the dead
    own_postgres.start()

    # Then another one answers
    with psycopg.connect(own_postgres.embedded.dsn()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert own_postgres.embedded.pid() != pid


@pytest.fixture(scope="module")
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    server = Postgres(tmp_path_factory.mktemp("own-postgres"))
    server.start()
    yield server
    server.stop()
