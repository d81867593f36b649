"""bench: what the system can do, measured."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cqrs_demo.cli.options import AsJson
from cqrs_demo.cli.show import console, say

if TYPE_CHECKING:
    from cqrs_demo.bench.figures import Figure
    from cqrs_demo.bench.rig import BrokerKind


class Brokers(StrEnum):
    both = "both"
    pgmq = "pgmq"
    rabbitmq = "rabbitmq"


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel="Operations")(bench)


def bench(
    broker: Annotated[Brokers, typer.Option(help="both: RabbitMQ too, where it is installed.")] = Brokers.both,
    only: Annotated[str, typer.Option(metavar="NAMES", help="Some measurements only, with commas between (default: all).")] = "",
    quick: Annotated[
        bool, typer.Option("--quick", help="Everything small, in about a minute: to see that it works, not how fast.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure the system in private databases and a private broker, next to what it could at best be. About six minutes.

    The numbers mean something only on a machine that does nothing else.
    """
    import orjson

    from cqrs_demo.bench import figures, report, run
    from cqrs_demo.bench.load import LoadFailed
    from cqrs_demo.bench.rig import RigFailed
    from cqrs_demo.runtime.rabbitmq_node import rabbitmq_server

    measured: list[Figure] = []
    machine = run.machine()
    scale = figures.QUICK if quick else figures.FULL
    brokers = _brokers(broker, installed=rabbitmq_server() is not None)
    try:
        for figure in run.run(brokers, _chosen(only, run.MEASUREMENTS), scale, lambda text: say(text, err=True)):
            measured.append(figure)
    except (RigFailed, LoadFailed) as error:
        say(f"cqrs-demo: {error}", err=True)
        raise typer.Exit(1) from error
    finally:
        if as_json:
            print(orjson.dumps(report.as_json(machine, measured), option=orjson.OPT_INDENT_2).decode())
        else:
            for name, value in machine.items():
                say(f"{name}: {value}")
            console().print(report.table(measured))


def _chosen(only: str, known: tuple[str, ...]) -> set[str]:
    names = {name.strip() for name in only.split(",") if name.strip()}
    if unknown := names - set(known):
        raise typer.BadParameter(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(known)}", param_hint="--only")
    return names or set(known)


def _brokers(wanted: Brokers, *, installed: bool) -> "list[BrokerKind]":
    if wanted == Brokers.both and not installed:
        say("RabbitMQ is not installed here: measuring on PGMQ only", err=True)
    if wanted == Brokers.both:
        return ["pgmq", "rabbitmq"] if installed else ["pgmq"]
    return ["rabbitmq"] if wanted == Brokers.rabbitmq else ["pgmq"]
