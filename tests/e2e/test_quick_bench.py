"""One small run of the whole benchmark. It says nothing about speed; it says that each figure
comes, and that none is a lie."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ON_PGMQ = {
    "start",
    "lag",
    "end to end",
    "memory",
    "relay",
    "consumer",
    "codec",
    "accept",
    "query",
    "growth",
    "replay",
}


def test_a_quick_run_measures_everything_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a place for temporary files that is ours alone
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    plot = tmp_path / "plot.svg"
    # When everything is measured, quickly
    command = [
        sys.executable,
        "-m",
        "cqrs_demo",
        "bench",
        "--quick",
        "--broker",
        "pgmq",
        "--json",
        "--plot",
        str(plot),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)["figures"]
    # Then there is a figure of each kind
    assert {figure["measurement"] for figure in figures} == ON_PGMQ
    assert all(figure["value"] > 0 for figure in figures if figure["measurement"] != "lag")
    # And whatever was accepted is on an invoice
    carried = [figure["notes"] for figure in figures if figure["measurement"] == "end to end"]
    assert carried
    assert all(
        notes["accepted"] == notes["invoiced"] > 0 and notes["lost"] == 0 for notes in carried
    )
    # And the picture is there, and the system that was measured is not
    assert plot.read_text().startswith("<svg")
    assert [left.name for left in tmp_path.iterdir()] == ["plot.svg"]


def test_an_unknown_measurement_is_refused_with_the_names_there_are() -> None:
    command = [sys.executable, "-m", "cqrs_demo", "bench", "--only", "speed"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "there is no speed" in done.stderr


def test_a_peer_without_its_packages_is_refused_before_anything_starts(tmp_path: Path) -> None:
    # Given a folder that is no peer
    command = [
        sys.executable,
        "-m",
        "cqrs_demo",
        "bench",
        "--only",
        "start",
        "--against",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "it has no orders.py" in done.stderr
