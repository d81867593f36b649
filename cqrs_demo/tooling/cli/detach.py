"""`up --detach`: the same `up`, started once more in the background, and watched until it is ready
or has failed."""

import subprocess
import sys
import time
from collections.abc import Sequence
from typing import BinaryIO

import typer

from cqrs_demo.tooling.runtime.private import private
from cqrs_demo.tooling.runtime.processes import apart
from cqrs_demo.tooling.runtime.system import Folder, running


def start_detached(folder: Folder, options: Sequence[str]) -> None:
    """Returns when the system in `folder` is ready. What it says until then is said here too; if it
    fails, so do we, in the same way."""
    folder.logs.mkdir(mode=0o700, exist_ok=True)
    log = folder.logs / "supervisor.log"
    with open(log, "wb", opener=private) as output, open(log, "rb", opener=private) as said:
        command = [
            sys.executable,
            "-P",
            "-m",
            "cqrs_demo",
            "up",
            "--in-background",
            f"--data-dir={folder.path}",
            *options,
        ]
        child = subprocess.Popen(  # noqa: S603  # ourselves
            command,
            cwd=folder.path,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            **apart(),  # it outlives this terminal
        )
        try:
            while child.poll() is None and not _is_ready(folder, child.pid):
                _pass_on(said)
                time.sleep(0.05)
        except BaseException:  # Ctrl-C: who did not wait for the end does not want it
            child.terminate()
            child.wait()
            raise
        _pass_on(said)
        if child.returncode:
            raise typer.Exit(child.returncode)


def _is_ready(folder: Folder, supervisor: int) -> bool:
    run = running(folder)
    return run is not None and run.supervisor.pid == supervisor and run.phase == "ready"


def _pass_on(said: BinaryIO) -> None:
    sys.stdout.write(said.read().decode(errors="replace"))
    sys.stdout.flush()
