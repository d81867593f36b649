"""The command `cqrs-demo`. Commands that belong together share a module; each is thin and calls
what does the work.

Imports are late on purpose: `serve` must not wait for what `up` needs, nor `--help` for either.
"""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from cqrs_demo.tooling.cli import (
    bench,
    contract,
    dashboard,
    dead_letters,
    events,
    hazard,
    lab,
    replaying,
    running,
    serving,
    shop,
    slides,
)

app = typer.Typer(
    help="A small shop that teaches CQRS by running it: three services write, events travel "
    "through a broker, a fourth reads.",
    epilog="Begin with:  cqrs-demo up",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,  # they hold passwords
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    running,
    dashboard,
    lab,
    slides,
    shop,
    dead_letters,
    events,
    replaying,
    hazard,
    bench,
    contract,
    serving,
):
    module.add_to(app)


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"cqrs-demo {version('cqrs-demo')}")
        raise typer.Exit


@app.callback()
def _everything(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="Say the version and end."
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 nothing runs."""
    from cqrs_demo.client.errors import NoAnswer, Trouble
    from cqrs_demo.settings import SettingsError
    from cqrs_demo.tooling.runtime.system import SystemProblem

    try:
        app()
    except SettingsError as error:
        sys.exit(_say(error, 2))
    except SystemProblem as error:
        sys.exit(_say(error, error.exit_code))
    except NoAnswer as error:
        sys.exit(_say(f"{error}. `cqrs-demo status` shows what runs", 1))
    except Trouble as error:
        sys.exit(_say(error.why, 1))


def _say(error: Exception | str, code: int) -> int:
    from cqrs_demo.tooling.cli.show import plain

    print(plain(f"cqrs-demo: {error}"), file=sys.stderr)
    return code
