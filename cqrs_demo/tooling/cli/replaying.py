"""`cqrs-demo replay` and `cqrs-demo verify`: rebuild the read model from the logs, or compare it
with them.

The work is done in this process, which may be stopped or killed at any moment: the live model is
then as it was.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from cqrs_demo.tooling.cli.options import AsJson, DataDir
from cqrs_demo.tooling.cli.show import console, plain_json, say
from cqrs_demo.tooling.runtime.system import data_folder
from cqrs_demo.tooling.runtime.typed import typed

if TYPE_CHECKING:
    from cqrs_demo.client.place import Place
    from cqrs_demo.invoice_service.replay.history import History, Progress
    from cqrs_demo.invoice_service.replay.rebuild import Replayed
    from cqrs_demo.invoice_service.replay.verify import Difference, Verdict

Result = TypeVar("Result")

STOPPED = 130

FORCE = "Swap also when the logs are others than before, or lack events of the read model."
Force = Annotated[bool, typer.Option("--force", help=FORCE)]
OVERDUE = "An event not projected for longer is overdue, and a failure."
PendingFor = Annotated[int, typer.Option(metavar="SECONDS", min=0, help=OVERDUE)]


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel="Operations")(replay)
    app.command(rich_help_panel="Operations")(verify)


def replay(
    user: Annotated[
        int | None, typer.Option(min=1, help="Rebuild this user's rows alone.", show_default=False)
    ] = None,
    force: Force = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Rebuild the read model from the logs, while it goes on serving, and swap it in.

    Ctrl-C is safe: until the swap, nothing has changed. The swap is refused when a log is another
    than before or shorter, or when events of the read model are in no log: --force does it all the
    same.

    Without --data-dir and with CQRS_INVOICE_DB set, that database is rebuilt, from the logs at
    CQRS_USER_SERVICE_URL and CQRS_ORDER_SERVICE_URL.
    """
    from cqrs_demo.invoice_service.replay import rebuild as replaying

    def action(dsn: str, history: "History") -> Awaitable[replaying.Replayed]:
        if user is None:
            return replaying.replay(dsn, history, force=force)
        return replaying.replay_user(dsn, history, user, force=force)

    result, seconds = _run(action, data_dir, user)
    if as_json:
        _print_json({**vars(result), "seconds": round(seconds, 3)})
        return
    whose = "The read model is" if user is None else f"The rows of user {user} are"
    say(
        f"{whose} rebuilt from {result.events:,} events in {seconds:.1f} s "
        f"({result.events / seconds:,.0f}/s)"
    )
    _say_oddities(result, data_folder(data_dir).path)


def verify(
    fix: Annotated[
        bool, typer.Option("--fix", help="Swap the rebuilt model in where there is drift.")
    ] = False,
    force: Force = False,
    pending_for: PendingFor = 60,
    write_side: Annotated[
        bool,
        typer.Option(
            "--write-side", help="Compare users, accounts and orders with their logs instead."
        ),
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Compare the read model with what the logs say. Exit code 1 when they differ (also when --fix
    has mended it).

    Events not yet projected are no difference, they are reported as pending. Events pending for too
    long are a failure, too. So are a log that is another than before or shorter, and events of the
    read model that are in no log: then --fix mends nothing without --force.
    """
    if write_side:
        _verify_write_side(data_dir, as_json)
        return
    from cqrs_demo.invoice_service.replay import verify as verifying

    def action(dsn: str, history: "History") -> Awaitable[verifying.Verdict]:
        return verifying.verify(dsn, history, fix=fix, force=force, pending_for=pending_for)

    verdict, seconds = _run(action, data_dir, None)
    if as_json:
        _print_json({**vars(verdict), "seconds": round(seconds, 3)})
    else:
        _show(verdict, seconds, pending_for, data_folder(data_dir).path)
    if not verdict.ok:
        raise typer.Exit(1)


def _verify_write_side(data_dir: Path | None, as_json: bool) -> None:
    from cqrs_demo.client.client import Client
    from cqrs_demo.client.place import COMMAND_SERVICES

    _, place = where(data_dir)
    with Client(place, look=300) as client:
        tables = [table for name in COMMAND_SERVICES for table in client.verify_write_side(name)]
    drifted = [table for table in tables if table["drift"]]
    if as_json:
        _print_json({"ok": not drifted, "tables": tables})
    else:
        for table in tables:
            say(
                f"{table['table']}: {table['rows']:,} rows, "
                + (f"{table['drift']:,} differ" if table["drift"] else "as the log says")
            )
            _show_rows(table["differences"], table["drift"])
    if drifted:
        raise typer.Exit(1)


def _run(
    action: Callable[[str, "History"], Awaitable[Result]], data_dir: Path | None, user: int | None
) -> tuple[Result, float]:
    """What the action makes of the logs, and how many seconds it took. Raises SystemProblem,
    Exit(130) after Ctrl-C."""
    import gc
    import time

    import psycopg

    from cqrs_demo.client.place import COMMAND_SERVICES
    from cqrs_demo.invoice_service.replay.history import LogChanged, LogUnavailable, open_history
    from cqrs_demo.invoice_service.replay.shadow import AlreadyRunning, SwapRefused
    from cqrs_demo.tooling.runtime.system import SystemProblem

    dsn, place = where(data_dir)
    urls = [place.urls[service] for service in COMMAND_SERVICES]

    async def work(progress: "Progress") -> Result:
        async with open_history(urls, place.token, progress, user_id=user) as history:
            return await action(dsn, history)

    # Events come by the ten thousand and hold no cycles: looking for some more often costs a tenth
    # of Python's time.
    gc.set_threshold(10_000, 10, 10)
    began = time.monotonic()
    try:
        # psycopg needs this kind of loop on Windows.
        with (
            _shown_progress() as progress,
            asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner,
        ):
            return runner.run(work(progress)), time.monotonic() - began
    except (AlreadyRunning, SwapRefused, LogUnavailable, LogChanged) as error:
        raise SystemProblem(str(error)) from error
    except psycopg.Error as error:
        raise SystemProblem(f"the database of invoice-service: {error}") from error
    except KeyboardInterrupt:
        say("\nStopped. The live model is as it was.", err=True)
        raise typer.Exit(STOPPED) from None


def where(data_dir: Path | None) -> "tuple[str, Place]":
    """The read side's DSN, and where the services are: of a system that `up` started, else from
    the environment."""
    from cqrs_demo.client.place import Place
    from cqrs_demo.settings import read_settings
    from cqrs_demo.tooling.runtime.system import find_system

    settings = read_settings()
    if data_dir is None and settings.invoice_db is not None:
        token = settings.api_token.get_secret_value() if settings.api_token else None
        urls = {
            "user-service": settings.user_service_url,
            "order-service": settings.order_service_url,
        }
        return settings.invoice_db, Place(urls, token)
    system = find_system(data_dir)
    return system.databases["invoice_service"], system.place


@contextmanager
def _shown_progress() -> "Iterator[Progress]":
    """A bar on standard error, where that is a terminal."""
    from rich import progress as rich_progress

    from cqrs_demo.invoice_service.replay.history import Progress

    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.TextColumn(
            "{task.completed:,.0f} of {task.total:,.0f} events, {task.fields[rate]:,.0f}/s,"
        ),
        rich_progress.TimeRemainingColumn(),
        rich_progress.TextColumn("left"),
    )
    with rich_progress.Progress(*columns, console=console(err=True), transient=True) as bar:
        task = bar.add_task("starting", total=0, rate=0)

        def tell(progress: Progress) -> None:
            rate = progress.position / max(bar.tasks[0].elapsed or 0, 0.1)
            bar.update(
                task,
                description=progress.step,
                completed=progress.position,
                total=progress.end,
                rate=rate,
            )

        yield Progress(tell)


def _show(verdict: "Verdict", seconds: float, pending_for: int, folder: Path) -> None:
    say(f"{verdict.events:,} events compared with the read model in {seconds:.1f} s")
    if verdict.pending:
        say(f"{verdict.pending:,} pending: in a log, not yet projected")
    if verdict.overdue:
        say(
            f"{verdict.overdue:,} of them overdue, pending for more than {pending_for:,} s: "
            f"see with `{typed('status', folder)}` whether relay, broker and consumer are well; "
            f"`{typed('replay', folder)}` counts what was lost on its way"
        )
    _say_oddities(verdict, folder)
    for fault in verdict.log_faults:
        say(f"Wrong log: {fault}")
    if not verdict.drift:
        say("No drift: every row is what the logs say")
        return
    for table, rows in verdict.drift.items():
        say(f"\n{table}: {rows:,} differ")
        _show_rows([vars(row) for row in verdict.differences if row.table == table], rows)
    if verdict.refused:
        say(f"\nNot mended, {verdict.refused}")
    else:
        todo = f"Mend it with: {typed('verify --fix', folder)}"
        say("\n" + ("Mended: the rebuilt model is live" if verdict.fixed else todo))


def _show_rows(differences: "list[dict[str, Any]] | list[Difference]", total: int) -> None:
    for row in differences:
        assert isinstance(row, dict)
        where = ", ".join(f"{name} {value}" for name, value in row["key"].items())
        say(f"  {row['kind']}: {where}")
        for name, values in row["fields"].items():
            say(
                f"      {name}: "
                + (
                    f"live {values['live']}, log {values['log']}"
                    if row["kind"] == "changed"
                    else _either(values)
                )
            )
    if total > len(differences):
        say(f"  … and {total - len(differences):,} more")


def _either(values: dict[str, Any]) -> str:
    """A row that is on one side only has one value."""
    return str(values["log"] if values["live"] is None else values["live"])


def _say_oddities(result: "Replayed | Verdict", folder: Path) -> None:
    if result.set_aside:
        say(f"{result.set_aside:,} set aside: see {typed('dead-letters list', folder)}")
    if result.in_no_log:
        say(f"{result.in_no_log:,} events were counted in the read model that no log has")
    if result.unreadable:
        say(
            f"{result.unreadable:,} lines of the logs are no events of the published language "
            "(the consumer sets such messages aside)"
        )


def _print_json(value: Any) -> None:
    from cqrs_demo.exact_json import dumps

    print(plain_json(dumps(value).decode()))
