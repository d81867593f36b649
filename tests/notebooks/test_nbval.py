"""Every notebook is run from top to bottom, and what comes out is compared with what is stored.

The notebooks that people open run on PGMQ, those with the solutions on RabbitMQ and in the opposite order. Both sets hold
every cell of every lesson, so each cell is run on both brokers.
"""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from cqrs_demo.runtime.rabbitmq_node import rabbitmq_server

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def compare(files: list[Path], broker: str) -> subprocess.CompletedProcess[str]:
    options = ["--nbval", "--nbval-sanitize-with", str(NOTEBOOKS / "sanitize.cfg"), "-q", "--color=no", "-p", "no:cacheprovider"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CQRS_", "PYTEST_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *map(str, files)],
        env=clean | {"CQRS_LAB_BROKER": broker},
        cwd=NOTEBOOKS,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def kept() -> set[int]:
    """Keepers of systems and brokers that run on this machine."""
    return {process.pid for process in psutil.process_iter(["cmdline"]) if "cqrs_demo.workshop.keeper" in (process.info["cmdline"] or [])}


def test_every_notebook_shows_what_is_stored_in_it() -> None:
    # Given the notebooks that people open, and a machine
    before = kept()

    # When they are run on PGMQ
    run = compare(sorted(NOTEBOOKS.glob("*.ipynb")), "pgmq")

    # Then every output is the stored one
    assert run.returncode == 0, run.stdout + run.stderr

    # And nothing that they started is left
    assert kept() - before == set()


def test_every_solution_shows_what_is_stored_in_it_also_on_rabbitmq_and_in_another_order() -> None:
    if rabbitmq_server() is None and os.environ.get("CI") != "true":
        pytest.skip("RabbitMQ is not installed")

    # When the solved notebooks are run on RabbitMQ, the last first
    run = compare(sorted((NOTEBOOKS / "solutions").glob("*.ipynb"), reverse=True), "rabbitmq")

    # Then every output is the stored one
    assert run.returncode == 0, run.stdout + run.stderr
