"""Runs a system, a broker or a dashboard alone, for as long as its parent process lives: `python -m
cqrs_demo.tooling.workshop.child_process`.

Its standard input is a pipe from its parent. When the parent ends, however it ends, the pipe closes
and this process stops what it started; a kernel that is killed leaves nothing behind. One line on
standard output says that all is ready.
"""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Annotated, Literal

import typer

from cqrs_demo.settings import SettingsError
from cqrs_demo.tooling.runtime.down import end_leftovers, forget, hold
from cqrs_demo.tooling.runtime.migrations import migrate
from cqrs_demo.tooling.runtime.ports import HOST, free_port
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from cqrs_demo.tooling.runtime.rabbitmq_node import RabbitNode
from cqrs_demo.tooling.runtime.system import SystemProblem, data_folder
from cqrs_demo.tooling.runtime.up import System, dashboard_file, streamlit_arguments

READY = "ready"


def keep_system(
    path: Path, kind: Literal["pgmq", "rabbitmq"], *, dashboard: bool, throw_away: bool
) -> None:
    """Until the parent is gone. With `throw_away` the folder goes too. Raises SystemProblem when it
    does not start."""
    folder = data_folder(path)
    hold(folder, 10)
    end_leftovers(folder)
    system = System(folder, kind, dashboard=dashboard, say=_say)
    supervisor = system.supervisor()

    def stop_with_the_parent() -> None:
        _wait_for_the_parents_end()
        supervisor.ask_to_stop()

    threading.Thread(target=stop_with_the_parent, daemon=True).start()
    try:
        supervisor.run(when_ready=lambda: _tell(READY))
    finally:
        system.forget_run()
        if throw_away:
            forget(folder)
        folder.lock.release()


def keep_broker(folder: Path, kind: Literal["pgmq", "rabbitmq"]) -> None:
    """A broker with nothing around it, in a folder that is thrown away with it; its URL follows
    "ready"."""
    node, postgres = RabbitNode(folder / "rabbitmq"), EmbeddedPostgres(folder / "postgres")
    try:
        if kind == "rabbitmq":
            node.start()
            url = node.url()
        else:
            postgres.start()
            url = _with_pgmq(postgres.dsn())
        _tell(f"{READY} {url}")
        _wait_for_the_parents_end()
    finally:
        node.stop()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def keep_dashboard(folder: Path) -> None:
    """The dashboard of the system in the folder; its URL follows "ready". It takes some seconds
    more until it answers."""
    file = dashboard_file()
    if file is None:
        sys.exit("this installation carries no dashboard: there is no dashboard/serve.py")
    port = free_port()
    command = [sys.executable, "-P", "-m", "streamlit", *streamlit_arguments(file, HOST, port)]
    environment = os.environ | {"CQRS_DATA_DIR": str(folder)}
    dashboard = subprocess.Popen(command, env=environment, stdout=sys.stderr)  # noqa: S603  # ours
    try:
        _tell(f"{READY} http://{HOST}:{port}")
        _wait_for_the_parents_end()
    finally:
        dashboard.terminate()
        dashboard.wait()


def _with_pgmq(admin_dsn: str) -> str:
    address = admin_dsn.rpartition("@")[2].partition("/")[0]
    url = f"postgresql://broker:workshop@{address}/broker"
    migrate(admin_dsn, [], url)
    return url


def _wait_for_the_parents_end() -> None:
    sys.stdin.buffer.read()


def _tell(line: str) -> None:
    print(line, flush=True)


def _say(text: str) -> None:
    """The supervisor's words go to the folder's log; standard output is for one line."""
    print(text, file=sys.stderr, flush=True)


def main(
    what: Annotated[Literal["system", "broker", "dashboard"], typer.Argument()],
    kind: Annotated[Literal["pgmq", "rabbitmq"], typer.Argument()],
    data_dir: Annotated[Path, typer.Option()],
    dashboard: bool = False,
    throw_away: bool = False,
) -> None:
    if what == "broker":
        keep_broker(data_dir, kind)
        return
    if what == "dashboard":
        keep_dashboard(data_dir)
        return
    try:
        keep_system(data_dir, kind, dashboard=dashboard, throw_away=throw_away)
    except (SystemProblem, SettingsError) as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    typer.run(main)
