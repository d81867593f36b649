"""What somebody has passed is kept beside the notebooks, and shown on 00."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cqrs_demo.tooling.workshop import exercise, progress, quiz
from tests.notebooks.nbval_run import NOTEBOOKS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a learner works."""
    for name in ("00_start_here.ipynb", "03_create_order.ipynb"):
        shutil.copy(NOTEBOOKS / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(name: str, given: object) -> None:
    with exercise(name, given):
        assert given == 2, "it is 2"


def test_who_has_passed_nothing_sees_every_chapter_and_what_comes(folder: Path) -> None:
    # When nothing is passed yet
    shown = repr(progress())

    # Then each chapter is there with what it has, and where it will be kept
    assert "00 · Start here" in shown
    assert shown.count("0 of 2") == 2
    assert shown.count("not answered") == 2
    assert "Nothing is passed yet." in shown


def test_what_is_passed_is_counted_per_chapter_and_once(folder: Path) -> None:
    # When an exercise is missed, then solved twice, and a quiz is answered
    for given in (..., 3, 2, 2):
        answer("03.1", given)
    quiz("00", "bab")

    # Then the table says so, also for whoever opens it tomorrow
    table = progress().table.set_index("chapter")
    assert table.loc["03 · Create an order, and stop time"].tolist() == ["1 of 2", "not answered"]
    assert table.loc["00 · Start here"].tolist() == ["0 of 2", "2 of 3 right"]
    assert "Nothing" not in progress()._repr_html_()


def test_a_wrong_or_a_missing_answer_is_not_kept(folder: Path) -> None:
    for given in (..., 3):
        answer("03.1", given)
    assert not (folder / "progress.json").exists()


def test_a_folder_that_cannot_be_written_spoils_no_check(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given something in the file's place that is no file
    (folder / "progress.json").mkdir()

    # When an exercise is solved, then its check says so as always
    answer("03.1", 2)
    assert capsys.readouterr().out == "✔ Right.\n"
    assert "Nothing is passed yet." in repr(progress())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"quizzes": 3}', '{"quizzes": {"03": null}}'])
def test_a_file_that_somebody_has_damaged_is_begun_anew(folder: Path, text: str) -> None:
    # Given a file that says nothing
    (folder / "progress.json").write_text(text)
    assert "Nothing is passed yet." in repr(progress())

    # When an exercise is solved, then that is known
    answer("03.1", 2)
    assert json.loads((folder / "progress.json").read_text())["exercises"] == ["03.1"]


def test_solutions_that_are_run_are_nobodys_progress(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the folder of the solutions
    (folder / "solutions").mkdir()
    shutil.copy(folder / "00_start_here.ipynb", folder / "solutions")
    monkeypatch.chdir(folder / "solutions")

    # When its checks are run, then nothing is written
    answer("03.1", 2)
    assert not list(folder.rglob("progress.json"))


def test_somebodys_progress_is_no_part_of_the_project() -> None:
    ignored = (NOTEBOOKS.parent / ".gitignore").read_text().splitlines()
    assert "notebooks/progress.json" in ignored
