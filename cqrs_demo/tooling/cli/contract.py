"""contract: whether the events' schemas may be what they are, and how a new version is released."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cqrs_demo.tooling.cli.options import AsJson
from cqrs_demo.tooling.cli.show import say

if TYPE_CHECKING:
    from cqrs_demo.contract.gate import Problem

COMPATIBLE = "Compatible with every released version, in both directions."

app = typer.Typer(
    help="The events' schemas: is a change safe for every reader and for the log? Release it.",
    no_args_is_help=True,
)


def add_to(parent: typer.Typer) -> None:
    parent.add_typer(app, name="contract", rich_help_panel="Development")


@app.command()
def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="Avro schemas (.avsc) to try as the next version of the type that each names. "
            "Without any: everything that events.py says and that was ever released.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Is every schema backward and forward compatible with all earlier versions of its type?

    And: is each released file as it was, does an upcaster lead on from each version, is every
    golden event read as before, and do the released readers read what is written today? Exit code 1
    when not. Nothing is changed, and nothing need run.
    """
    from cqrs_demo.contract import release

    wrong = _of_files(files) if files else release.problems()
    drafts = [] if files else [schema.name for schema in release.drafts()]
    if as_json:
        _print({"ok": not wrong, "problems": [asdict(one) for one in wrong], "drafts": drafts})
    else:
        say(explained(wrong) if wrong else _green(drafts, files))
    if wrong:
        raise typer.Exit(1)


@app.command("release")
def release_(as_json: AsJson = False) -> None:
    """Freeze what events.py says: write the schema and the golden file of each new version.

    From then on the version never changes. Refused (exit code 1) while `contract check` fails, and
    when there is nothing new. Read the difference before you commit it: in the golden files of
    older versions it shows what a replay will make of old events.
    """
    from cqrs_demo.contract.release import GateIsRed, NothingToRelease, release
    from cqrs_demo.contract.schemas import FOLDER
    from cqrs_demo.settings import SettingsError

    if not (FOLDER.parents[2] / "pyproject.toml").exists():
        raise SettingsError("contract release writes files of the project: run it in a checkout")
    try:
        new = [schema.name for schema in release()]
    except GateIsRed as red:
        wrong = [asdict(one) for one in red.problems]
        _print({"released": [], "problems": wrong}) if as_json else say(explained(red.problems))
        raise typer.Exit(1) from None
    except NothingToRelease:
        _print({"released": [], "problems": []}) if as_json else say(
            "Nothing to release: events.py says what the newest versions say."
        )
        raise typer.Exit(1) from None
    if as_json:
        _print({"released": new, "problems": []})
    else:
        say(f"Released {', '.join(new)}. Commit cqrs_demo/contract/schemas and golden.")


@app.command()
def asyncapi(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Into this file.", show_default="the screen"
        ),
    ] = None,
) -> None:
    """The AsyncAPI 3 document of the events: channels, who sends and receives, and all schemas.

    The project keeps it in docs/asyncapi.json, and CI compares.
    """
    from cqrs_demo.messaging.asyncapi import text
    from cqrs_demo.settings import SettingsError

    if output is None:
        print(text(), end="")
        return
    try:
        output.write_text(text(), encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{output} cannot be written: {error.strerror}") from error


def _of_files(files: list[Path]) -> "list[Problem]":
    from cqrs_demo.contract.gate import Problem, candidate, compare
    from cqrs_demo.contract.schemas import released

    wrong: list[Problem] = []
    for file in files:
        try:
            schema = candidate(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            wrong.append(Problem(str(file), str(error)))
        else:
            wrong += compare(schema, released(schema.type))
    return wrong


def _green(drafts: list[str], files: list[Path] | None) -> str:
    if files:
        return COMPATIBLE
    if drafts:
        return (
            f"Sound. {', '.join(drafts)}: a draft so far. `cqrs-demo contract release` freezes it."
        )
    return "Sound: every version is read by every reader, and as it was before."


def explained(wrong: "list[Problem]") -> str:
    """What is not read, by whom, beside which version, and what one can do."""
    from cqrs_demo.contract.gate import WAYS_OUT

    lines: list[str] = []
    for schema in dict.fromkeys(one.schema for one in wrong):
        lines.append(f"\n{schema}")
        told = [one for one in wrong if one.schema == schema]
        for whom in dict.fromkeys(one.whom for one in told):
            lines.append(f"  Not read by {whom}." if whom else "  Refused.")
            concerned = [one for one in told if one.whom == whom]
            for what in dict.fromkeys(one.what for one in concerned):
                versions = [str(one.beside) for one in concerned if one.what == what and one.beside]
                beside = f"  (beside version {', '.join(versions)})" if versions else ""
                lines.append(f"    {what}{beside}")
    if any(one.whom for one in wrong):
        lines.append("\nThree ways out:")
        lines += [f"  {number}. {way}" for number, way in enumerate(WAYS_OUT, 1)]
    return "\n".join(lines)


def _print(value: Any) -> None:
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False))
