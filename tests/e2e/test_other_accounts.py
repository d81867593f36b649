"""Nobody else on the machine can read what lies in the data folder, or take a look at the processes
that have it open."""

import os
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.e2e.systems import Up, cqrs_demo, four_steps, processes_of
from tests.fixtures.accounts import (
    NOBODY,
    STRANGER,
    all_below,
    being,
    need_root,
    rights_of_others,
    what_opens,
)
from tests.fixtures.brokers import BROKERS, need_rabbitmq


@pytest.mark.parametrize("broker", BROKERS)
def test_another_account_can_open_nothing_of_a_running_system(
    up: Callable[..., Up], broker: str
) -> None:
    need_root()
    if broker == "rabbitmq":
        need_rabbitmq()
    # Given a system with a customer in it, started by somebody who lets others read their files
    # (umask 022)
    system = up("shop", "--broker", broker)
    four_steps(system.ready())
    files = all_below(system.folder)
    assert len(files) > 50
    doors = [door for process in _everything_of(system) for door in _doors_into(process)]
    # When other accounts look, one of them the user that PostgreSQL runs as, in place of root
    for user, group in ((NOBODY.pw_uid, NOBODY.pw_gid), (STRANGER, STRANGER)):
        with being(user, group):
            seen = what_opens(files + doors)
        # Then they see nothing
        assert seen == [], f"as user {user}"
    # And all that is in there is its owner's alone; where PostgreSQL must pass, its group may pass
    # through and not look
    rights = rights_of_others(system.folder)
    assert rights == {system.folder: 0o010, system.folder / "postgres": 0o010}


def _everything_of(system: Up) -> list[psutil.Process]:
    found = processes_of(system.folder)
    return [*found, *(child for process in found for child in process.children(recursive=True))]


def _doors_into(process: psutil.Process) -> list[Path]:
    """Its environment, its memory, the files it has open or mapped."""
    there = Path(f"/proc/{process.pid}")
    try:
        mapped = [
            Path(found.path)
            for found in process.memory_maps()
            if found.path.startswith("/dev/shm/")
        ]
        return [there / "environ", there / "mem", there / "cwd", *(there / "fd").iterdir(), *mapped]
    except (psutil.Error, OSError):  # it has just ended
        return []


def test_a_folder_of_an_older_version_is_closed_at_the_next_start(up: Callable[..., Up]) -> None:
    need_root()
    # Given a folder as older versions left it: open to pass through, with readable files,
    # PostgreSQL's part lent away
    first = up()
    four_steps(first.ready())
    assert first.end() == 0
    os.chmod(first.folder, 0o711)
    os.chmod(first.folder / "logs", 0o755)
    for log in (first.folder / "logs").iterdir():
        os.chmod(log, 0o644)
    os.chown(first.folder / "postgres", NOBODY.pw_uid, NOBODY.pw_gid)
    # When it is started again
    second = up()
    second.ready()
    # Then nobody else gets in, and the shop is as it was
    files = all_below(second.folder)
    with being(NOBODY.pw_uid, NOBODY.pw_gid):
        assert what_opens(files) == []
    assert (second.folder / "logs").stat().st_mode & 0o777 == 0o700
    assert (second.folder / "postgres").stat().st_uid == 0


def test_a_folder_that_belongs_to_another_account_is_refused(tmp_path: Path) -> None:
    need_root()
    # Given a folder that its owner made for us to walk into, with a link for us to follow
    trap, target = tmp_path / "trap", tmp_path / "target"
    trap.mkdir()
    (trap / "lock").symlink_to(target)
    os.lchown(trap / "lock", NOBODY.pw_uid, NOBODY.pw_gid)
    os.chown(trap, NOBODY.pw_uid, NOBODY.pw_gid)
    # When a system is to start there
    refused = cqrs_demo("up", "--no-dashboard", "--data-dir", trap)
    # Then it does not, and nothing was made
    assert refused.returncode == 2
    assert f"belongs to user {NOBODY.pw_uid}" in refused.stderr
    assert not target.exists()
