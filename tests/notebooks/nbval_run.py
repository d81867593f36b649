"""Running notebooks with nbval, which compares what comes out of each cell with what is stored in
it."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import psutil

from tests.fixtures.shop import eventually

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SOLUTIONS = NOTEBOOKS / "solutions"
# its value marks the processes that one call of assert_shows_what_is_stored() has started
RUN = "CI_NOTEBOOK_RUN"


def assert_shows_what_is_stored(files: list[Path], broker: str) -> None:
    """Fails when an output differs, and when something that the notebooks started is left."""
    options = [
        "--nbval",
        "--nbval-sanitize-with",
        str(SOLUTIONS / "sanitize.cfg"),
        "-q",
        "--color=no",
        "-p",
        "no:cacheprovider",
    ]
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CQRS_", "PYTEST_"))
    }
    run = uuid4().hex
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *map(str, files)],
        env=clean | {"CQRS_LAB_BROKER": broker, RUN: run},
        cwd=files[0].parent,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    eventually(lambda: not any(_started_by(process, run) for process in psutil.process_iter()))


def _started_by(process: psutil.Process, run: str) -> bool:
    try:
        return process.environ().get(RUN) == run
    except psutil.Error:
        return False
