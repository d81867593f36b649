"""A command that is printed can be typed as it stands."""

from pathlib import Path

import pytest

from cqrs_demo.tooling.runtime.typed import typed


def test_a_command_names_its_data_folder_unless_that_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed("down", tmp_path / ".cqrs-demo") == "cqrs-demo down"
    assert typed("down", tmp_path / "my shop") == (
        f"cqrs-demo down --data-dir '{tmp_path}/my shop'"
    )


def test_a_default_folder_elsewhere_is_named(tmp_path: Path) -> None:
    elsewhere = tmp_path / ".cqrs-demo"
    assert typed("up", elsewhere) == f"cqrs-demo up --data-dir {elsewhere}"
