"""The PostgreSQL that comes in a wheel."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres, PostgresError
from tests.faults.processes import Postgres
from tests.fixtures.accounts import NOBODY, being, need_root
from tests.fixtures.shop import eventually


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


def test_one_whose_predecessor_is_slow_to_die_waits_for_it(own_postgres: Postgres) -> None:
    # Given a killed server of which one process is still there
    postmaster = psutil.Process(own_postgres.embedded.pid())
    slow = postmaster.children()[0]
    slow.suspend()  # or it would see that the postmaster is gone
    postmaster.kill()

    # When another is started, and that process ends only after the first refusal
    before = own_postgres.embedded.log.stat().st_size
    starting = threading.Thread(target=own_postgres.start)
    starting.start()
    eventually(lambda: b"still in use" in own_postgres.embedded.log.read_bytes()[before:])
    slow.kill()
    starting.join()

    # Then it has started
    with psycopg.connect(own_postgres.embedded.dsn()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


@pytest.fixture(scope="module")
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    server = Postgres(tmp_path_factory.mktemp("own-postgres"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def lent(own_postgres: Postgres) -> Iterator[Path]:
    """The folder of a stopped server, lent to the server's user as a whole, as older versions
    did."""
    need_root()
    own_postgres.stop()
    os.chown(own_postgres.folder, NOBODY.pw_uid, NOBODY.pw_gid)
    for above in own_postgres.folder.parents:
        above.chmod(above.stat().st_mode | 0o001)
    yield own_postgres.folder
    own_postgres.start()


@pytest.mark.parametrize("name", ["postgres.log", "superuser-password"])
def test_root_follows_no_link_that_the_servers_user_planted(
    own_postgres: Postgres, lent: Path, name: str, tmp_path: Path
) -> None:
    # Given a link in place of a file that root uses, planted by the user whose the folder was
    target, kept = tmp_path / "target", lent.parent / f"{name}.kept"
    target.write_text("precious")
    with being(NOBODY.pw_uid, NOBODY.pw_gid):
        (lent / name).rename(lent / "away")
        (lent / name).symlink_to(target)
    (lent / "away").rename(kept)
    try:
        # When the server is started and asked for
        with pytest.raises(PostgresError, match=f"{name} is not a file of ours"):
            _start_and_ask(own_postgres)
        # Then what the link leads to is as it was
        assert target.read_text() == "precious"
        # And no such link can be planted any more
        with being(NOBODY.pw_uid, NOBODY.pw_gid), pytest.raises(PermissionError):
            (lent / "another").symlink_to(target)
    finally:
        (lent / name).unlink()
        kept.rename(lent / name)


def _start_and_ask(server: Postgres) -> str:
    server.start()
    return server.embedded.dsn()


def test_what_the_servers_user_wrote_for_its_process_number_is_not_followed(
    own_postgres: Postgres, lent: Path, tmp_path: Path
) -> None:
    # Given a link in place of the file with the process number, to a file that only root may read
    (tmp_path / "secret").write_text("1\n2\n3\n4\n")
    with being(NOBODY.pw_uid, NOBODY.pw_gid):
        (lent / "data" / "postmaster.pid").symlink_to(tmp_path / "secret")
    # Then root does not read it
    with pytest.raises(PostgresError, match="not running"):
        EmbeddedPostgres(lent).dsn()
    (lent / "data" / "postmaster.pid").unlink()
