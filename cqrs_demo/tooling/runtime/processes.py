"""Programs as children: started out of the terminal's reach, ended politely and then not."""

import os
import signal
import subprocess
import sys
from typing import Any

import psutil

from cqrs_demo.tooling.runtime.private import UMASK

PATIENCE = 3.0
"""Seconds a program may take to stop cleanly, before it is killed. `up` has promised to end within
five, and what the programs stand on stops after them."""


def apart() -> dict[str, Any]:
    """How to start a program out of reach of the terminal's Ctrl-C (the supervisor stops its parts
    in their order), and with its files out of other users' sight."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True, "umask": UMASK}


def end(processes: list[psutil.Process]) -> None:
    """Ask them to end, wait PATIENCE seconds for all of them, then kill."""
    for process in processes:
        _signal(process, polite=True)
    _, stubborn = psutil.wait_procs(processes, timeout=PATIENCE)
    for process in stubborn:
        _signal(process, polite=False)
    psutil.wait_procs(stubborn, timeout=1)


def _signal(process: psutil.Process, *, polite: bool) -> None:
    try:
        if not polite:
            process.kill()
        elif sys.platform == "win32":
            os.kill(
                process.pid, signal.CTRL_BREAK_EVENT
            )  # what a process group gets there instead of SIGTERM
        else:
            process.terminate()
    except (psutil.NoSuchProcess, OSError):
        pass  # it was faster
