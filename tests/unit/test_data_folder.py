"""The data folder: one user at a time, never the wrong process, never somebody else's files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cqrs_demo.tooling.runtime.down import hold, refuse_foreign
from cqrs_demo.tooling.runtime.lock import FolderLock
from cqrs_demo.tooling.runtime.system import (
    Folder,
    NotOurFolder,
    NotRunning,
    Process,
    StateFile,
    SystemRun,
    data_folder,
    find_system,
)

HOLDER = """
import pathlib, sys
from cqrs_demo.tooling.runtime.lock import FolderLock
print(FolderLock(pathlib.Path(sys.argv[1])).take(), flush=True)
sys.stdin.read()
"""


def test_a_folder_is_held_by_one_process_and_free_again_when_that_dies(tmp_path: Path) -> None:
    # Given another process that holds the lock
    lock = FolderLock(tmp_path / "lock")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path / "lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"True\n"
        # Then it is not to be had
        assert lock.take() is False
        # When that process is killed
        other.kill()
    # Then it is
    assert lock.take() is True
    lock.release()


def test_a_lock_whose_file_was_deleted_holds_nobody_off(tmp_path: Path) -> None:
    # Given a lock that `reset` deleted with its folder's content
    old, new = FolderLock(tmp_path / "lock"), FolderLock(tmp_path / "lock")
    assert old.take()
    (tmp_path / "lock").unlink()
    # Then the folder can be held anew
    assert new.take()
    old.release()
    new.release()


def test_a_recycled_process_number_is_not_taken_for_the_process_it_once_was() -> None:
    myself = Process.of(os.getpid())
    assert myself is not None
    assert myself.living() is not None
    assert Process(pid=myself.pid, created=myself.created - 60).living() is None


def test_a_system_whose_supervisor_is_gone_does_not_run(tmp_path: Path) -> None:
    # Given a state file that a killed supervisor left
    myself = Process.of(os.getpid())
    assert myself is not None
    gone = myself.model_copy(update={"created": myself.created - 60})
    run = SystemRun(
        supervisor=gone, phase="ready", services={}, databases={}, broker=None, dashboard=None
    )
    Folder(tmp_path).write(StateFile(made_by="cqrs-demo", passwords={}, run=run))
    # Then nobody finds a system there
    with pytest.raises(NotRunning):
        find_system(tmp_path)


def test_the_folder_is_the_one_named_else_the_environments_else_one_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CQRS_DATA_DIR", raising=False)
    assert data_folder().path == tmp_path / ".cqrs-demo"
    monkeypatch.setenv("CQRS_DATA_DIR", "elsewhere")
    assert data_folder().path == tmp_path / "elsewhere"
    assert data_folder("third").path == tmp_path / "third"


def test_a_folder_with_other_files_or_another_programs_state_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(NotOurFolder, match=r"notes\.txt"):
        refuse_foreign(Folder(tmp_path))
    (tmp_path / "system.json").write_text('{"name": "something else"}')
    with pytest.raises(NotOurFolder, match=r"system\.json"):
        refuse_foreign(Folder(tmp_path))


def test_a_folder_that_cannot_be_made_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotOurFolder, match="Not a directory"):
        hold(Folder(tmp_path / "file" / "data"), seconds=1)
