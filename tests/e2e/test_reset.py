"""Forgetting all data: only when it is meant, and only what is ours."""

import os
from pathlib import Path

from cqrs_demo.tooling.runtime.system import Folder, StateFile
from tests.e2e.systems import cqrs_demo


def _a_data_folder(path: Path) -> Path:
    """As `up` leaves it, without the wait for it."""
    path.mkdir()
    (path / "postgres").mkdir()
    (path / "logs").mkdir()
    Folder(path).write(StateFile(made_by="cqrs-demo", passwords={}))
    return path


def test_reset_asks_and_keeps_everything_when_told_no(tmp_path: Path) -> None:
    # Given data, when reset is asked for at a terminal and the answer is no
    folder = _a_data_folder(tmp_path / "shop")
    ours, theirs = os.openpty()
    os.write(ours, b"n\n")
    refused = cqrs_demo("reset", "--data-dir", folder, stdin=theirs)
    # Then nothing is deleted
    assert refused.returncode == 1
    assert "Delete all" in refused.stdout
    assert (folder / "postgres").is_dir()


def test_reset_does_nothing_where_nobody_can_be_asked(tmp_path: Path) -> None:
    folder = _a_data_folder(tmp_path / "shop")
    refused = cqrs_demo("reset", "--data-dir", folder)
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert (folder / "postgres").is_dir()


def test_reset_deletes_what_up_made_and_nothing_else(tmp_path: Path) -> None:
    # Given data, and somebody's own file beside it
    folder = _a_data_folder(tmp_path / "shop")
    (folder / "my-notes.txt").write_text("keep me")
    # When reset is meant
    assert cqrs_demo("reset", "--yes", "--data-dir", folder).returncode == 0
    # Then only the note is left
    assert [file.name for file in folder.iterdir()] == ["my-notes.txt"]


def test_a_folder_with_other_peoples_files_is_neither_used_nor_deleted(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("three years of work")
    for command in (["reset", "--yes"], ["up", "--no-dashboard"]):
        refused = cqrs_demo(*command, "--data-dir", tmp_path)
        assert refused.returncode == 2
        assert "thesis.tex" in refused.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]
