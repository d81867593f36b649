"""Taking hold of a data folder, and stopping what runs out of it: by asking its supervisor, or in
its place where it was killed."""

import shutil
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from cqrs_demo.tooling.runtime.private import is_somebody_elses
from cqrs_demo.tooling.runtime.processes import end
from cqrs_demo.tooling.runtime.rabbitmq_node import RabbitNode
from cqrs_demo.tooling.runtime.system import Folder, NotOurFolder, Process, SystemProblem, running
from cqrs_demo.tooling.runtime.typed import typed


class Busy(SystemProblem):
    """Another cqrs-demo is at work in this folder and does not get done."""


def hold(folder: Folder, seconds: float, unless: Callable[[], bool] = lambda: False) -> bool:
    """Take the folder for ourselves, making it if need be. False when another process holds it and
    `unless()` is true. Raises Busy when it is still held after `seconds`, NotOurFolder when the
    folder is in other use."""
    deadline = time.monotonic() + seconds
    try:
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        refuse_foreign(folder)
        refuse_another_users(folder)
        while not folder.lock.take():
            if unless():
                return False
            if time.monotonic() > deadline:
                raise Busy(
                    f"Another cqrs-demo has been at work in {folder.path} for over {seconds:.0f} "
                    f"s. Stop it with `{typed('down', folder.path)}`"
                )
            time.sleep(0.05)
    except OSError as error:
        raise NotOurFolder(
            f"{folder.path} cannot be the data folder: {error.strerror or error}. Choose another "
            "with --data-dir"
        ) from error
    return True


def refuse_foreign(folder: Folder) -> None:
    """Raises NotOurFolder for a folder with somebody else's files in it: what `up` makes must not
    mix with them."""
    if folder.read() is None and folder.path.exists():
        ours = {path.name for path in folder.ours()}
        foreign = sorted(path.name for path in folder.path.iterdir() if path.name not in ours)
        if foreign:
            raise NotOurFolder(
                f"{folder.path} holds other files ({foreign[0]}). Choose an empty or a new folder "
                "with --data-dir"
            )


def refuse_another_users(folder: Folder) -> None:
    """Raises NotOurFolder: whoever owns the folder could exchange what is in it; and root would
    lock the owner out."""
    if is_somebody_elses(folder.path):
        owner = folder.path.stat().st_uid
        raise NotOurFolder(
            f"{folder.path} belongs to user {owner}. Run this as that user, or choose another "
            "folder with --data-dir"
        )


def stop_system(folder: Folder) -> list[str]:
    """Stop whatever runs out of this folder; what that was, empty when nothing ran. The folder is
    held afterwards: release it. Raises Busy, NotOurFolder."""
    run = running(folder)
    if run is not None:
        _end_supervisor(run.supervisor)
    hold(folder, seconds=10)
    return (["the system"] if run else []) + end_leftovers(folder)


def _end_supervisor(supervisor: Process) -> None:
    """It has promised to end within five seconds."""
    for wait, how in ((8, psutil.Process.terminate), (1, psutil.Process.kill)):
        deadline = time.monotonic() + wait
        with suppress(psutil.NoSuchProcess):
            if process := supervisor.living():
                how(process)
        while supervisor.living() and time.monotonic() < deadline:
            time.sleep(0.05)


def end_leftovers(folder: Folder) -> list[str]:
    """Stop what a supervisor that was killed left running. Only with the folder held. Returns what
    was stopped."""
    state = folder.read()
    ended = []
    if state is not None and state.run is not None:
        children = state.run.services | (
            {"dashboard": state.run.dashboard} if state.run.dashboard else {}
        )
        living = {
            name: process
            for name, child in children.items()
            if child.process and (process := child.process.living())
        }
        end(list(living.values()))
        ended += [f"{name} (pid {process.pid})" for name, process in living.items()]
        folder.write(state.model_copy(update={"run": None}))
    postgres, rabbit = EmbeddedPostgres(folder.postgres), RabbitNode(folder.rabbitmq)
    if postgres.pid() is not None:
        ended.append(f"PostgreSQL (pid {postgres.pid()})")
        postgres.stop()
    if rabbit.pid is not None:
        ended.append(f"RabbitMQ (pid {rabbit.pid})")
    rabbit.stop()
    return ended


def forget(folder: Folder) -> None:
    """Delete what `up` made, and the folder itself if nothing else is in it. Only with the folder
    held."""
    for path in folder.ours():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    folder.lock.release()
    try:
        folder.path.rmdir()
    except OSError:
        return  # somebody keeps something of his own in it, or stands in it
