"""`cqrs-demo lab`: JupyterLab on the workshop's notebooks, with a system ready for them."""

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from cqrs_demo.tooling.cli.options import DataDir
from cqrs_demo.tooling.cli.running import BrokerKind
from cqrs_demo.tooling.cli.show import say
from cqrs_demo.tooling.runtime.system import SystemProblem, data_folder, find_system, running


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel="On this machine")(lab)


class NoLab(SystemProblem):
    exit_code = 2


def lab(
    broker: Annotated[
        BrokerKind, typer.Option(help="What to start on, if no system runs.")
    ] = BrokerKind.pgmq,
    data_dir: DataDir = None,
    port: Annotated[
        int, typer.Option(help="JupyterLab's port; the next free one when it is taken.")
    ] = 8888,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it in a browser.")
    ] = True,
) -> None:
    """Open the workshop's notebooks in JupyterLab. A system that runs is used; else one is started,
    and stopped at the end."""
    notebooks = notebooks_folder()
    if find_spec("jupyterlab") is None:
        raise NoLab(
            "JupyterLab is not installed. In the checkout: python -m pip install -c "
            'constraints.txt -e ".[lab]"'
        )
    folder = data_folder(data_dir)
    kept = None
    if running(folder) is None:
        from cqrs_demo.tooling.workshop.private_systems import PrivateSystem

        say(f"Starting a system in {folder.path} …")
        kept = PrivateSystem(broker.value, folder.path, dashboard=True)
    system = find_system(folder.path)
    for name, url in {
        **{name: service.url for name, service in system.services.items()},
        "dashboard": _dashboard(system),
    }.items():
        say(f"  {name:16}{url}")
    say(
        "Opening JupyterLab. Ctrl-C ends it"
        + (", and the system with it; the data stays." if kept else "; the system goes on.")
    )
    try:
        ended = _run_jupyter(notebooks, folder.path, port, browser)
    finally:
        if kept is not None:
            kept.stop()
    raise typer.Exit(ended)


def _dashboard(system: object) -> str:
    dashboard = getattr(system, "dashboard", None)
    return dashboard.url if dashboard else "not running"


def notebooks_folder() -> Path:
    """notebooks/ here, or that of the checkout this package is installed from. Raises NoLab."""
    places = (Path.cwd() / "notebooks", Path(__file__).parents[3] / "notebooks")
    found = next((place for place in places if (place / "00_start_here.ipynb").is_file()), None)
    if found is None:
        raise NoLab(
            "There are no notebooks here. They come with the checkout, not with the installed "
            "package: run this in its folder"
        )
    return found


def _with_our_settings(notebooks: Path) -> str:
    """Where Jupyter looks for settings, ours too: no question about news, Markdown as a page. These
    are defaults: what a person has chosen in JupyterLab wins."""
    others = os.environ.get("JUPYTER_CONFIG_PATH")
    return os.pathsep.join([str(notebooks / ".jupyter"), *([others] if others else [])])


def _run_jupyter(notebooks: Path, data_dir: Path, port: int, browser: bool) -> int:
    """Its exit code; 0 after Ctrl-C. Ctrl-C reaches it by itself, SIGTERM is passed on."""
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={notebooks}",
        f"--port={port}",
        "--ServerApp.answer_yes=True",
    ]
    command += [] if browser else ["--no-browser"]
    command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    command += ["--LabApp.default_url=/lab/tree/00_start_here.ipynb"]
    environment = os.environ | {
        "CQRS_DATA_DIR": str(data_dir),
        "JUPYTER_CONFIG_PATH": _with_our_settings(notebooks),
    }
    jupyter = subprocess.Popen(command, env=environment)  # noqa: S603  # our own command line
    asked = False

    def ask_to_stop(*_: object) -> None:
        nonlocal asked
        asked = True
        jupyter.terminate()

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), ask_to_stop)
    code = jupyter.wait()
    return 0 if asked else code
