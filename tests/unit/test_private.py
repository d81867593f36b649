"""What is ours is for us alone, and what is not ours is not taken for it."""

import os
from pathlib import Path

import pytest

from cqrs_demo.tooling.runtime.private import NotPrivate, make_private, private, unlinked


def _a_link(place: Path, target: Path) -> None:
    place.symlink_to(target)


def _a_hard_link(place: Path, target: Path) -> None:
    place.hardlink_to(target)


def _a_pipe(place: Path, target: Path) -> None:
    os.mkfifo(place)


@pytest.mark.parametrize("plant", [_a_link, _a_hard_link, _a_pipe])
@pytest.mark.parametrize("mode", ["ab", "wb", "rb", "r+b"])
def test_what_somebody_put_in_a_files_place_is_neither_read_nor_written(
    tmp_path: Path, plant: object, mode: str
) -> None:
    # Given something that is no plain file, where ours should be
    target, place = tmp_path / "target", tmp_path / "ours"
    target.write_text("precious")
    assert callable(plant)
    plant(place, target)
    # When it is opened, then it is refused by name, and what it leads to is untouched
    for opener in (private, unlinked):
        with (
            pytest.raises(NotPrivate, match=f"{place} is not a file of ours"),
            open(place, mode, opener=opener),
        ):
            pass
    assert target.read_text() == "precious"


def test_a_link_to_nothing_makes_no_file_there(tmp_path: Path) -> None:
    (tmp_path / "ours").symlink_to(tmp_path / "target")
    with pytest.raises(NotPrivate), open(tmp_path / "ours", "ab", opener=private):
        pass
    assert not (tmp_path / "target").exists()


def test_a_new_file_is_for_its_owner_alone_and_an_old_one_is_used(tmp_path: Path) -> None:
    for text in ("one", "two"):
        with open(tmp_path / "ours", "a", opener=private) as file:
            file.write(text)
    assert (tmp_path / "ours").read_text() == "onetwo"
    assert (tmp_path / "ours").stat().st_mode & 0o777 == 0o600
    with open(tmp_path / "ours", "w", opener=private) as file:
        file.write("three")
    assert (tmp_path / "ours").read_text() == "three"


def test_all_below_a_folder_is_closed_to_others_and_links_are_not_followed(tmp_path: Path) -> None:
    # Given a folder that others may read, with a link out of it and a hard link to a file from
    # elsewhere
    folder, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    (folder / "below").mkdir(parents=True)
    elsewhere.write_text("for everybody")
    (folder / "below" / "file").write_text("for us")
    (folder / "link").symlink_to(elsewhere)
    (folder / "below" / "hard link").hardlink_to(elsewhere)
    for path, mode in (
        (folder, 0o755),
        (folder / "below", 0o775),
        (folder / "below" / "file", 0o664),
        (elsewhere, 0o644),
    ):
        path.chmod(mode)
    # When it is made private
    make_private(folder)
    # Then that is so, and elsewhere all is as it was
    closed = [
        path.stat().st_mode & 0o777
        for path in (folder, folder / "below", folder / "below" / "file")
    ]
    assert closed == [0o700, 0o700, 0o600]
    assert elsewhere.stat().st_mode & 0o777 == 0o644
