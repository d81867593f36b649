"""What commands print about a running system."""

import re
import sys
from contextlib import suppress

from rich.console import Console
from rich.table import Table

from cqrs_demo.client.place import PREFIXES
from cqrs_demo.tooling.runtime.system import Folder, RunningSystem
from cqrs_demo.tooling.runtime.typed import typed

WIDE = 160  # a pipe has no width, and a URL must not be broken


def console(*, err: bool = False) -> Console:
    stream = sys.stderr if err else sys.stdout
    return Console(stderr=err, highlight=False, width=None if stream.isatty() else WIDE)


CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(data: str) -> str:
    """Text from an event or a message, with what would steer the terminal made visible: \\x1b."""
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), data)


def on_one_line(data: str) -> str:
    """The same, for where a line break would look like another line of ours."""
    return plain(data).replace("\n", r"\n").replace("\t", r"\t")


def plain_json(text: str) -> str:
    """The same JSON as plain text. (JSON demands that for the characters below U+0020 only.)"""
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def say(text: str, *, err: bool = False) -> None:
    """Text as it is, with no control characters but line breaks. Nothing is lost when nobody reads
    any more."""
    with suppress(OSError):  # a closed pipe must not stop the supervisor
        console(err=err).print(plain(text), soft_wrap=True, markup=False)


def show_system(system: RunningSystem, folder: Folder) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("", "URL", "pid", ""):
        table.add_column(column, overflow="fold")
    for name, service in system.services.items():
        state = "[green]ready[/]" if service.ready else "[yellow]not ready[/]"
        table.add_row(
            name,
            service.url + PREFIXES[name],
            str(service.pid or "-"),
            f"{state}, API: {service.url}/docs",
        )
    if system.dashboard is not None:
        table.add_row("dashboard", system.dashboard.url, "", "")
    if system.broker is not None:
        table.add_row(
            "broker",
            _without_password(system.broker.url),
            "",
            {"pgmq": "PGMQ in PostgreSQL", "rabbitmq": "RabbitMQ"}[system.broker.kind],
        )
    table.add_row(
        "databases", ", ".join(system.databases), "", f"DSNs: {typed('status --json', folder.path)}"
    )
    if system.token is not None:
        table.add_row(
            "token", "every call to a service needs  Authorization: Bearer $CQRS_API_TOKEN", "", ""
        )
    table.add_row("data, logs", str(folder.path), "", "in logs/")
    out = console()
    out.print(table)


def show_first_steps(system: RunningSystem) -> None:
    say(
        "\nWhat to try first (Alice is user 1 in a new shop; else take the id that the first line "
        "answers):"
    )
    for line in first_steps(system):
        say(f"  {line}")
    say("")


def first_steps(system: RunningSystem) -> list[str]:
    """The four steps as lines for a shell."""

    def post(service: str, path: str, body: str) -> str:
        return (
            f"{curl(system)} {system.url(service)}/{path} -H 'Content-Type: application/json' "
            f"-d '{body}'"
        )

    return [
        post("user-service", "users", '{"name": "Alice", "email": "alice@demo.com"}'),
        post(
            "user-service",
            "accounts",
            '{"user_id": 1, "address1": "123 Main St", "city": "Cityville", "state": "ST", "zip": '
            '"12345"}',
        ),
        post(
            "order-service",
            "orders",
            '{"user_id": 1, "description": "Widget", "amount": 50.00, "purchase_dt": '
            '"2025-04-03T10:00:00Z"}',
        ),
        f"{curl(system)} '{system.url('invoice-service')}/invoices?user_id=1&month=4&year=2025'",
    ]


def curl(system: RunningSystem) -> str:
    """For a shell in which CQRS_API_TOKEN is set, if the system demands one: the token itself is
    not shown."""
    return 'curl -s -H "Authorization: Bearer $CQRS_API_TOKEN"' if system.token else "curl -s"


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
