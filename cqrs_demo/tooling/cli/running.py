"""up, down, status, reset: a system on this machine."""

import signal
import sys
from enum import StrEnum
from typing import Annotated

import typer

from cqrs_demo.tooling.cli.detach import start_detached
from cqrs_demo.tooling.cli.options import AsJson, DataDir
from cqrs_demo.tooling.cli.show import say, show_first_steps, show_system
from cqrs_demo.tooling.runtime.system import (
    NOTHING,
    Folder,
    NotRunning,
    data_folder,
    find_system,
    running,
)
from cqrs_demo.tooling.runtime.typed import typed


class BrokerKind(StrEnum):
    pgmq = "pgmq"
    rabbitmq = "rabbitmq"


def add_to(app: typer.Typer) -> None:
    for command in (up, down, status, reset):
        app.command(rich_help_panel="On this machine")(command)


def up(
    broker: Annotated[
        BrokerKind,
        typer.Option(
            help="pgmq lives in the embedded PostgreSQL; rabbitmq is the one CQRS_BROKER_URL "
            "names, else a private node."
        ),
    ] = BrokerKind.pgmq,
    data_dir: DataDir = None,
    detach: Annotated[
        bool,
        typer.Option("--detach", help="Return when all is ready; it goes on in the background."),
    ] = False,
    dashboard: Annotated[
        bool, typer.Option("--dashboard/--no-dashboard", help="Start the dashboard too.")
    ] = True,
    in_background: Annotated[bool, typer.Option("--in-background", hidden=True)] = False,
) -> None:
    """Start everything: PostgreSQL, broker, four services, dashboard. Ctrl-C stops all of it; the
    data stays.

    Examples:  cqrs-demo up    cqrs-demo up --detach
    CQRS_BROKER_URL=amqp://guest:guest@127.0.0.1/ cqrs-demo up --broker rabbitmq

    From the environment it takes CQRS_API_TOKEN, which every call must then carry, and two rules of
    the shop: orders from CQRS_APPROVAL_FROM (1000.00) on need credit, and payment-service has
    CQRS_PAYMENT_DEADLINE (10) seconds to answer.
    """
    from cqrs_demo.tooling.runtime.down import hold

    folder = data_folder(data_dir)
    if not hold(folder, 120, unless=lambda: _is_ready(folder)):
        _show_what_runs_already(folder, broker)
        return
    if detach:
        folder.lock.release()
        start_detached(
            folder, ["--broker", broker, "--dashboard" if dashboard else "--no-dashboard"]
        )
        _show(folder)
        say(f"It goes on in the background. Stop it with: {typed('down', folder.path)}")
    else:
        _run(folder, broker, dashboard, in_background)


def _show_what_runs_already(folder: Folder, broker: BrokerKind) -> None:
    from cqrs_demo.settings import read_token

    say(f"A system runs in {folder.path} already:")
    system = find_system(folder.path)
    show_system(system, folder)
    if system.broker and system.broker.kind != broker:
        say(
            f"It uses {system.broker.kind}. For {broker}: {typed('down', folder.path)}, then "
            + typed(f"up --broker {broker}", folder.path)
        )
    if (token := read_token()) and token != system.token:
        say(
            "It does not demand this CQRS_API_TOKEN, because it was started without it. For that: "
            f"{typed('down', folder.path)}, then {typed('up', folder.path)}"
        )


def _is_ready(folder: Folder) -> bool:
    run = running(folder)
    return run is not None and run.phase == "ready"


def _run(folder: Folder, broker: BrokerKind, dashboard: bool, in_background: bool) -> None:
    """With the folder held."""
    from cqrs_demo.tooling.runtime.down import end_leftovers
    from cqrs_demo.tooling.runtime.up import System

    for name in end_leftovers(folder):
        say(f"stopped {name}, left over from a system that was killed")
    system = System(folder, broker.value, dashboard=dashboard, say=say)
    supervisor = system.supervisor()
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):  # the last is Windows'
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: supervisor.ask_to_stop())
    say(f"Starting in {folder.path}, logs in {folder.logs}")
    try:
        supervisor.run(
            when_ready=lambda: (
                None if in_background else _show(folder, "Ctrl-C stops everything; the data stays.")
            )
        )
    finally:
        system.forget_run()
        folder.lock.release()
    say("Everything has stopped.")


def _show(folder: Folder, last: str = "") -> None:
    system = find_system(folder.path)
    say("")
    show_system(system, folder)
    show_first_steps(system)
    say(last)


def down(data_dir: DataDir = None) -> None:
    """Stop the system, whoever started it; also what was left over from one that was killed. The
    data stays."""
    from cqrs_demo.tooling.runtime.down import stop_system

    folder = data_folder(data_dir)
    if folder.read() is None:
        say(f"Nothing runs in {folder.path}: `{typed('up', folder.path)}` was never run")
        return
    stopped = stop_system(folder)
    folder.lock.release()
    say(
        f"Stopped {', '.join(stopped)} in {folder.path}"
        if stopped
        else f"Nothing runs in {folder.path}"
    )


def status(
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show what runs, where. Exit code 3 when nothing does (with --json: no services, and
    nulls)."""
    folder = data_folder(data_dir)
    try:
        system = find_system(folder.path)
    except NotRunning:
        if not as_json:
            raise
        print(NOTHING.model_dump_json(indent=2))
        raise typer.Exit(NotRunning.exit_code) from None
    if as_json:
        print(system.model_dump_json(indent=2))
    else:
        show_system(system, folder)


def reset(
    data_dir: DataDir = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Stop the system and delete all of its data. Asks first."""
    from cqrs_demo.tooling.runtime.down import forget, refuse_foreign, stop_system

    folder = data_folder(data_dir)
    if folder.read() is None:
        refuse_foreign(folder)
        say(f"There is nothing to delete in {folder.path}")
        return
    if not yes:
        if not sys.stdin.isatty():
            say(
                f"cqrs-demo: this would delete all data in {folder.path}. Nobody is here to ask; "
                "say --yes if that is meant",
                err=True,
            )
            raise typer.Exit(2)
        typer.confirm(f"Delete all users, orders, invoices and logs in {folder.path}?", abort=True)
    stop_system(folder)
    forget(folder)
    say(f"Deleted what was in {folder.path}")
