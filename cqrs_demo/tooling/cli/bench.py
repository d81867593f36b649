"""bench: what the system can do, measured."""

import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cqrs_demo.tooling.cli.options import AsJson
from cqrs_demo.tooling.cli.show import console, say

if TYPE_CHECKING:
    from cqrs_demo.tooling.bench.figures import Figure
    from cqrs_demo.tooling.bench.rig import BrokerKind
    from cqrs_demo.tooling.bench.run import Plan


class Brokers(StrEnum):
    both = "both"
    pgmq = "pgmq"
    rabbitmq = "rabbitmq"


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel="Operations")(bench)


def bench(
    broker: Annotated[
        Brokers, typer.Option(help="both: RabbitMQ too, where it is installed.")
    ] = Brokers.both,
    only: Annotated[
        str,
        typer.Option(
            metavar="NAMES", help="Some measurements only, with commas between.", show_default="all"
        ),
    ] = "",
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Everything small, in about a minute: to see that it works, not how fast.",
        ),
    ] = False,
    as_json: AsJson = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Draw the figures into this SVG file.", show_default=False
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="naive|DIR",
            help="naive: only what the guarantees cost and bring, beside the naive shop (and what "
            "--only names). DIR: the peer in this folder too, under the same load.",
            show_default=False,
        ),
    ] = None,
    peer_python: Annotated[
        str, typer.Option(metavar="PYTHON", help="The Python that has the peer's packages.")
    ] = sys.executable,
) -> None:
    """Measure the system in private databases and a private broker, next to what it could at best
    be. About seven minutes.

    Measurements: codec, start, lag, end-to-end, relay (and consumer), accept, query, growth,
    replay. The numbers mean something only on a machine that does nothing else. Ctrl-C stops and
    cleans up; what was measured until then is shown.
    """
    from cqrs_demo.tooling.bench import figures, run
    from cqrs_demo.tooling.runtime.rabbitmq_node import rabbitmq_server

    naive = against == Path("naive")
    plan = run.Plan(
        brokers=_brokers(broker, installed=rabbitmq_server() is not None),
        only=set() if naive and not only else _chosen(only, run.MEASUREMENTS),
        scale=figures.QUICK if quick else figures.FULL,
        against=against.resolve() if against and not naive else None,
        peer_python=peer_python,
        naive=naive,
    )
    machine = run.machine()
    measured: list[Figure] = []
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(143)
    )  # like Ctrl-C: whatever runs is stopped on the way out
    try:
        _measure(plan, measured)
    finally:
        _show(machine, measured, as_json=as_json, plot=plot)


def _measure(plan: "Plan", measured: "list[Figure]") -> None:
    from cqrs_demo.tooling.bench.compare import against_peer
    from cqrs_demo.tooling.bench.load import LoadFailed
    from cqrs_demo.tooling.bench.rig import RigFailed
    from cqrs_demo.tooling.bench.run import run

    try:
        for figure in run(plan, lambda text: say(text, err=True)):
            measured.append(figure)
    except (RigFailed, LoadFailed) as error:
        say(f"cqrs-demo: {error}", err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        say("cqrs-demo: stopped; what was measured until then:", err=True)
        raise typer.Exit(130) from None
    measured.extend(list(against_peer(measured)))


def _show(
    machine: dict[str, str], measured: "list[Figure]", *, as_json: bool, plot: Path | None
) -> None:
    import orjson

    from cqrs_demo.tooling.bench import report
    from cqrs_demo.tooling.bench.plot import svg

    if as_json:
        print(orjson.dumps(report.as_json(machine, measured), option=orjson.OPT_INDENT_2).decode())
    elif measured:
        for name, value in machine.items():
            say(f"{name}: {value}")
        console().print(report.table(measured))
    if plot is not None and measured:
        plot.write_text(svg(machine, measured), encoding="utf-8")


def _chosen(only: str, known: tuple[str, ...]) -> set[str]:
    names = {name.strip() for name in only.split(",") if name.strip()}
    if unknown := names - set(known):
        raise typer.BadParameter(
            f"there is no {', '.join(sorted(unknown))}; there are {', '.join(known)}",
            param_hint="--only",
        )
    return names or set(known)


def _brokers(wanted: Brokers, *, installed: bool) -> "list[BrokerKind]":
    if wanted == Brokers.both:
        if not installed:
            say("RabbitMQ is not installed here: measuring on PGMQ only", err=True)
        return ["pgmq", "rabbitmq"] if installed else ["pgmq"]
    return ["rabbitmq"] if wanted == Brokers.rabbitmq else ["pgmq"]
