"""doctor and demo-data: is the machine fit, and is there anything in the shop?"""

from dataclasses import asdict
from typing import Annotated

import typer

from cqrs_demo.tooling.cli.options import AsJson, DataDir
from cqrs_demo.tooling.cli.show import console, curl, say
from cqrs_demo.tooling.runtime.system import RunningSystem, data_folder, find_system


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel="On this machine")(doctor)
    app.command("demo-data", rich_help_panel="On this machine")(demo_data)


def doctor(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Check what a system needs on this machine, and the system that runs, if one does. Exit code 1
    when something is wrong."""
    import orjson

    from cqrs_demo.tooling.runtime.doctor import examine

    checks = []
    marks = {"ok": "[green]ok     [/]", "info": "[blue]info   [/]", "problem": "[red]problem[/]"}
    for check in examine(data_folder(data_dir)):
        checks.append(check)
        if not as_json:
            console().print(marks[check.state], end="  ")
            say(f"{check.name}: {check.found}")
            if check.state == "problem":
                say(f"         → {check.cure}")
    wrong = [check.name for check in checks if check.state == "problem"]
    if as_json:
        print(
            orjson.dumps(
                {"ok": not wrong, "checks": [asdict(check) for check in checks]},
                option=orjson.OPT_INDENT_2,
            ).decode()
        )
    else:
        say(f"\nTo mend: {', '.join(wrong)}" if wrong else "\nAll is well.")
    if wrong:
        raise typer.Exit(1)


def demo_data(
    users: Annotated[
        int, typer.Option(min=1, max=100_000, help="How many users, each with an account.")
    ] = 50,
    orders: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="How many orders, over January to June 2025.")
    ] = 500,
    seed: Annotated[
        int, typer.Option(help="Another seed makes another shop beside the first.")
    ] = 1,
    data_dir: DataDir = None,
) -> None:
    """Fill the running system with a realistic shop, through its HTTP API. The same call again adds
    nothing."""
    from rich.progress import MofNCompleteColumn, Progress

    from cqrs_demo.tooling.runtime.demo_data import Made, fill

    system = find_system(data_folder(data_dir).path)
    with Progress(
        *Progress.get_default_columns(), MofNCompleteColumn(), console=console(), transient=True
    ) as progress:
        task = progress.add_task(f"{users} users, {orders} orders", total=users + orders)
        made: Made = fill(system.place, users, orders, seed, done=lambda: progress.advance(task))
    for kind in ("user", "account", "order"):
        known = f", and {made.known[kind]} were there from before" if made.known[kind] else ""
        say(f"{made.new[kind]} {kind}s made{known}")
    _what_to_look_at(system, made.example)


def _what_to_look_at(system: RunningSystem, invoice: dict[str, object] | None) -> None:
    say("\nWhat to look at:")
    if invoice is None:
        say(
            f"  The invoices are not there yet: does the consumer run?  {curl(system)} "
            f"{system.url('invoice-service')}/consumer"
        )
    else:
        month = str(invoice["invoice_dt"])[:7]
        lines = invoice["orders"]
        assert isinstance(lines, list)
        say(
            f"  The longest invoice: {invoice['email']}, {month}, {len(lines)} orders, total "
            f"{invoice['total']:.2f}"
        )
        year, number = month.split("-")
        say(
            f"    {curl(system)} "
            f"'{system.url('invoice-service')}/invoices?user_id={invoice['user_id']}&month={int(number)}&year={year}'"
        )
    say(
        f"  The events it was made from:\n    {curl(system)} "
        f"'{system.url('order-service')}/events?limit=5'"
    )
    if system.dashboard is not None:
        say(f"  The same in pictures:\n    {system.dashboard.url}")
