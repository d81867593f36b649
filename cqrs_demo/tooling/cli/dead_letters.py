"""`cqrs-demo dead-letters`: look at messages that could not be applied, try them again, or give
them up."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from cqrs_demo.tooling.cli.options import DataDir
from cqrs_demo.tooling.cli.show import console, on_one_line, say
from cqrs_demo.tooling.runtime.system import find_system

if TYPE_CHECKING:
    from cqrs_demo.client.client import Client

app = typer.Typer(
    help="Messages that could not be applied: look, retry, edit, discard.", no_args_is_help=True
)

Json = Annotated[bool, typer.Option("--json", help="For programs.")]
Ids = Annotated[
    list[int] | None,
    typer.Argument(help="Their numbers, as `list --each` shows them.", show_default=False),
]
Reason = Annotated[
    str | None, typer.Option(help="Those with exactly this reason.", show_default=False)
]
EventType = Annotated[
    str | None,
    typer.Option(
        "--type", help="Those of this event type, such as order.created.", show_default=False
    ),
]
All = Annotated[bool, typer.Option("--all", help="All that wait.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class Status(StrEnum):
    waiting = "waiting"
    retried = "retried"
    discarded = "discarded"
    all = "all"


def add_to(parent: typer.Typer) -> None:
    parent.add_typer(app, name="dead-letters", rich_help_panel="Operations")


@app.command("list")
def list_(
    each: Annotated[
        bool, typer.Option("--each", help="Every letter instead of the groups.")
    ] = False,
    reason: Reason = None,
    event_type: EventType = None,
    status: Annotated[Status, typer.Option(help="Which ones.")] = Status.waiting,
    limit: Annotated[
        int, typer.Option(min=1, max=1000, help="Letters at the most, with --each.")
    ] = 100,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """How many wait, by type and reason; with --each (or a reason or type), one by one, newest
    first."""
    client = _client(data_dir)
    if each or reason or event_type:
        chosen = {"reason": reason, "event_type": event_type, "status": status, "limit": limit}
        _print(client.dead_letters(**chosen), _letters, as_json)
    else:
        _print(client.dead_letter_groups(status), _groups, as_json)


@app.command()
def show(
    id: Annotated[int, typer.Argument(help="The letter's number.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """One letter: why it failed, with the stack, and the message itself."""
    letter = _client(data_dir).dead_letter(id)
    if as_json:
        print(json.dumps(letter, indent=2))
        return
    say(
        f"Dead letter {letter['id']}, {letter['status']}: "
        f"{letter['event_type'] or 'no event type'}, failed {letter['failures']} time(s)"
    )
    say(f"Event id:  {letter['event_id'] or 'none'}")
    say(f"Queue:     {letter['queue']}")
    say(f"First:     {letter['first_failed']}")
    say(f"Last:      {letter['last_failed']}")
    say(f"Reason:    {letter['reason']}")
    body = letter["body"]
    say(f"\nBody:\n{'base64: ' + letter['body_base64'] if body is None else body}")
    if letter["edited"]:
        say(f"\nApplied in its place:\n{letter['edited_body']}")
    say(f"\nError:\n{letter['error'].strip()}")


@app.command()
def retry(
    ids: Ids = None,
    reason: Reason = None,
    event_type: EventType = None,
    every: All = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Apply them now: some by number, a group by reason and type, or --all. Exit code 1 when one
    fails again."""
    chosen = _chosen(ids, reason, event_type, every)
    outcome = _client(data_dir).settle_dead_letters("retry", chosen)
    if as_json:
        print(json.dumps(outcome))
    else:
        say(f"{outcome['applied']} applied, {outcome['failed']} failed again")
    if outcome["failed"]:
        raise typer.Exit(1)


@app.command()
def edit(
    id: Annotated[int, typer.Argument(help="The letter's number.")],
    body: Annotated[
        typer.FileText,
        typer.Option(help="The whole message, corrected: a file, or - for the standard input."),
    ],
    data_dir: DataDir = None,
) -> None:
    """Apply a corrected message in place of the one that came, which is kept. The log stays as it
    is. Exit code 1 when something is still wrong with it."""
    _client(data_dir).retry_edited(id, body.read())
    say(f"Dead letter {id} applied as edited. What came is kept beside it")


@app.command()
def discard(
    ids: Ids = None,
    reason: Reason = None,
    event_type: EventType = None,
    every: All = False,
    yes: Yes = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Give them up. Their rows stay as a record (see list --status discarded). Asks first."""
    chosen, client = _chosen(ids, reason, event_type, every), _client(data_dir)
    if not yes:
        typer.confirm(
            "Give these messages up? What they tell of will never reach an invoice", abort=True
        )
    outcome = client.settle_dead_letters("discard", chosen)
    if as_json:
        print(json.dumps(outcome))
    else:
        say(f"{outcome['discarded']} discarded")


def _client(data_dir: Path | None) -> "Client":
    """For one command: the process ends with it."""
    from cqrs_demo.client.client import Client

    return Client(find_system(data_dir).place)


def _chosen(
    ids: list[int] | None, reason: str | None, event_type: str | None, every: bool
) -> dict[str, Any]:
    if not (ids or reason or event_type or every):
        raise typer.BadParameter("say which: numbers, --reason, --type, or --all")
    return {"ids": ids or None, "reason": reason, "event_type": event_type, "all": every}


def _print(rows: list[dict[str, Any]], table: Any, as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, indent=2))
    elif not rows:
        say("No dead letters.")
    else:
        console().print(table(rows))


def _groups(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column, align in (
        ("letters", "right"),
        ("type", "left"),
        ("reason", "left"),
        ("last failed", "left"),
    ):
        table.add_column(column, justify=align, overflow="fold")  # type: ignore[arg-type]  # rich's literal type
    for row in rows:
        table.add_row(
            str(row["letters"]),
            escape(on_one_line(row["event_type"] or "none")),
            escape(on_one_line(row["reason"])),
            row["last_failed"],
        )
    return table


def _letters(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("number", "type", "reason", "failures", "status", "last failed"):
        table.add_column(column, overflow="fold")
    for row in rows:
        cells = (
            str(row["id"]),
            row["event_type"] or "none",
            row["reason"],
            str(row["failures"]),
            row["status"],
            row["last_failed"],
        )
        table.add_row(*(escape(on_one_line(cell)) for cell in cells))
    return table
