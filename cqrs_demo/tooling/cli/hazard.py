"""hazard: what the guarantees are for, seen at a shop that has none. naive: that shop, beside a
running system."""

import signal
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from cqrs_demo.tooling.cli.options import AsJson, DataDir
from cqrs_demo.tooling.cli.running import BrokerKind
from cqrs_demo.tooling.cli.show import console, say

if TYPE_CHECKING:
    from cqrs_demo.tooling.hazards.catalog import Hazard
    from cqrs_demo.tooling.hazards.show import Shown

app = typer.Typer(
    help="What is lost without outbox and inbox: this shop and a naive one, in the same trouble.",
    no_args_is_help=True,
)


def add_to(parent: typer.Typer) -> None:
    parent.add_typer(app, name="hazard", rich_help_panel="Operations")
    parent.command(rich_help_panel="On this machine")(naive)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """The hazards there are, each with the line of the naive shop at which it lives."""
    import orjson
    from rich.table import Table

    from cqrs_demo.tooling.hazards.catalog import HAZARDS
    from cqrs_demo.tooling.hazards.report import description

    if as_json:
        described = [description(hazard) for hazard in HAZARDS]
        print(orjson.dumps(described, option=orjson.OPT_INDENT_2).decode())
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("name", "what happens", "naive line", "prevented in"):
        table.add_column(column, no_wrap=column == "name")
    for hazard in HAZARDS:
        line = hazard.naive_line
        place = f"{line.file}:{line.number}"
        table.add_row(hazard.name, hazard.what_happens, place, hazard.our_line.file)
    console().print(table)
    say("\nSee one:  cqrs-demo hazard show dual-write")


@app.command()
def show(
    name: Annotated[
        str, typer.Argument(help="One of those that `hazard list` names.", show_default=False)
    ],
    seed: Annotated[int, typer.Option(help="Which orders; the same seed, the same orders.")] = 1,
    broker: Annotated[
        BrokerKind, typer.Option(help="A private one of this kind.")
    ] = BrokerKind.pgmq,
    as_json: AsJson = False,
) -> None:
    """Put both shops into the same trouble, and count what each has lost. Takes some ten seconds.

    A private PostgreSQL and broker are started, both shops get the same orders, a process is killed
    or a line cut at an exact moment, and the invoices are compared with what was accepted. All of
    it goes afterwards. Exit code 1 when our shop lost anything, or the naive one nothing.
    """
    from cqrs_demo.exact_json import dumps
    from cqrs_demo.tooling.hazards import report
    from cqrs_demo.tooling.hazards.catalog import hazard_named

    try:
        hazard = hazard_named(name)
    except LookupError as error:
        raise typer.BadParameter(str(error.args[0]), param_hint="NAME") from None
    # like Ctrl-C: whatever runs is stopped on the way out
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    shown = _shown(hazard, seed, broker)
    if as_json:
        print(dumps(report.as_json(shown)).decode())
    else:
        say(f"\n{hazard.title}, seed {seed}, {broker}, {shown.seconds:.1f} s\n")
        console().print(report.table(shown))
        say("\n" + "\n".join(report.beside(hazard)))
    for problem in shown.problems:
        say(f"cqrs-demo: {problem}", err=True)
    if shown.problems:
        raise typer.Exit(1)


def _shown(hazard: "Hazard", seed: int, broker: BrokerKind) -> "Shown":
    from cqrs_demo.tooling.hazards.show import show
    from cqrs_demo.tooling.hazards.stage import stage

    def tell(text: str) -> None:
        say(text, err=True)

    try:
        with stage(broker.value, tell) as both:
            shown = show(both, hazard, seed, tell)
            tell("stopping both shops")
    except KeyboardInterrupt:
        say("cqrs-demo: stopped; nothing is left of it", err=True)
        raise typer.Exit(130) from None
    return shown


def naive(data_dir: DataDir = None) -> None:
    """Start the naive shop beside the running system, on its PostgreSQL and broker. Ctrl-C stops
    it, and so does the end of the system; its data stays, in a database of its own.

    It is there to be compared with: it takes the same orders, and has no outbox and no inbox.
    """
    from cqrs_demo.tooling.hazards.beside import naive_beside
    from cqrs_demo.tooling.runtime.system import data_folder, find_system, running

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = data_folder(data_dir)
    with naive_beside(find_system(folder.path)) as (orders, invoices):
        _show_naive(orders.url, invoices.url)
        try:
            while orders.alive and invoices.alive and running(folder) is not None:
                time.sleep(0.5)
        except KeyboardInterrupt:
            say("Stopped.")
            return
        ended = [program.name for program in (orders, invoices) if not program.alive]
    why = f"{ended[0]} ended, see {folder.logs}" if ended else "the system beside it has stopped"
    say(f"cqrs-demo: the naive shop was stopped: {why}", err=True)
    raise typer.Exit(1)


def _show_naive(orders: str, invoices: str) -> None:
    post = "-H 'Content-Type: application/json' -d"
    say("The naive shop runs. What to try:")
    say(
        f'  curl -s {orders}/accounts {post} \'{{"user_id": 1, "address1": "123 Main St", '
        '"city": "Cityville", "state": "ST", "zip": "12345"}\''
    )
    say(
        f'  curl -s {orders}/orders {post} \'{{"user_id": 1, "description": "Widget", '
        '"amount": 50.00, "purchase_dt": "2025-04-03T10:00:00Z"}\''
    )
    say(f"  curl -s '{invoices}/invoices?user_id=1&month=4&year=2025'")
    say("Ctrl-C stops it; its data stays.")
