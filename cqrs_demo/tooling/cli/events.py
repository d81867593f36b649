"""`cqrs-demo events`: what happened, across all command services, as one timeline."""

import heapq
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cqrs_demo.tooling.cli.options import AsJson, DataDir
from cqrs_demo.tooling.cli.show import console, on_one_line, plain_json

if TYPE_CHECKING:
    from cqrs_demo.client.feed import FeedLine, FeedReader

COLOURS = {
    "user": "cyan",
    "account": "magenta",
    "order": "green",
    "reservation": "yellow",
    "payment": "blue",
    "credit": "blue",
}


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel="Operations")(events)


def events(
    event_type: Annotated[
        str | None,
        typer.Option("--type", help="Only this type, such as order.created.", show_default=False),
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="Only about the entity with this id.", show_default=False)
    ] = None,
    correlation: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Only the story that began with the event of this id: an order, its credit, and "
            "what became of it.",
            show_default=False,
        ),
    ] = None,
    user: Annotated[
        int | None,
        typer.Option(
            min=1, help="Only about this user, their accounts and orders.", show_default=False
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT", help="From this instant on (RFC 3339).", show_default=False
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="Before this instant (RFC 3339).", show_default=False),
    ] = None,
    last: Annotated[
        int, typer.Option(min=0, help="So many at the most, the latest; 0 for all.")
    ] = 50,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="And then what comes, until Ctrl-C.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """What happened, in order of time: the events of all command services. With --json, the
    CloudEvents, one a line."""
    wanted = {
        "type": event_type,
        "subject": subject,
        "correlation": correlation,
        "since": since,
        "until": until,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    feeds = _feeds(data_dir, given)
    show: Callable[[dict[str, Any], str], None] = _print_line if as_json else _print_event

    def concerns(event: dict[str, Any]) -> bool:
        return user is None or user == event["data"].get(
            "user_id", event["data"]["id"] if event["type"] == "user.created" else None
        )

    try:
        if last and not given and user is None:
            for feed in feeds:
                feed.skip_all_but(last)
        seen = heapq.merge(
            *(feed.read() for feed in feeds),
            key=lambda pair: datetime.fromisoformat(pair[0]["time"]),
        )
        chosen = (pair for pair in seen if concerns(pair[0]))
        for event, line in deque(chosen, maxlen=last) if last else chosen:
            show(event, line)
        for event, line in _followed(feeds) if follow else ():
            if concerns(event):
                show(event, line)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except BrokenPipeError:
        sys.stderr.close()  # whoever reads has seen enough; Python would complain at its end
        raise typer.Exit from None


def _feeds(data_dir: Path | None, wanted: dict[str, str]) -> "list[FeedReader]":
    from cqrs_demo.client.client import Client
    from cqrs_demo.client.place import COMMAND_SERVICES
    from cqrs_demo.tooling.cli.replaying import where

    _, place = where(data_dir)
    client = Client(place, look=10)
    return [client.feed(service, **wanted) for service in COMMAND_SERVICES]


def _followed(feeds: "list[FeedReader]") -> "Iterator[FeedLine]":
    """What comes, in the order in which it comes. Raises what a feed raises."""
    from cqrs_demo.client.errors import NoAnswer

    arrivals: queue.SimpleQueue[FeedLine | Exception] = queue.SimpleQueue()

    def follow(feed: "FeedReader") -> None:
        try:
            for line in feed.follow():
                arrivals.put(line)
            raise NoAnswer("has ended the stream; it stopped", feed.service)
        except Exception as error:
            arrivals.put(error)

    for feed in feeds:
        threading.Thread(target=follow, args=(feed,), daemon=True).start()
    while True:
        arrival = arrivals.get()
        if isinstance(arrival, Exception):
            raise arrival
        yield arrival


def _print_line(_: dict[str, Any], line: str) -> None:
    print(plain_json(line), flush=True)


def _print_event(event: dict[str, Any], _: str) -> None:
    from rich.markup import escape

    time = datetime.fromisoformat(event["time"]).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    colour = COLOURS.get(event["type"].partition(".")[0], "white")
    place = f"{event['source'].strip('/')} {event['sequence']}"
    kind, told, where = (escape(on_one_line(text)) for text in (event["type"], _told(event), place))
    line = f"[dim]{time}[/]  [{colour}]{kind:<29}[/]  {told}  [dim]{where}  {event['id']}[/]"
    console().print(line, soft_wrap=True)


def _told(event: dict[str, Any]) -> str:
    """The event as a sentence, as far as its type is known."""
    data = event["data"]
    match event["type"]:
        case "user.created":
            return f"user {data['id']} is {data['name']}, {data['email']}"
        case "account.created":
            address = f"{data['address1']}, {data['city']}, {data['state']} {data['zip']}"
            return f"user {data['user_id']} lives at {address} (account {data['id']})"
        case "order.created":
            return (
                f"user {data['user_id']} orders {data['description']} for {data['amount']:.2f} "
                f"(order {data['id']})"
            )
        case "order.approved":
            return f"order {data['id']} of user {data['user_id']} is approved"
        case "order.rejected" | "order.cancelled":
            why = f": {data['reason']}" if data.get("reason") else ""
            what = event["type"].partition(".")[2]
            return f"order {data['id']} of user {data['user_id']} is {what}{why}"
        case "reservation.requested":
            return f"order {data['order_id']} of user {data['user_id']} needs {data['amount']:.2f}"
        case "reservation.release_requested":
            return f"order {data['order_id']} of user {data['user_id']} needs its credit no more"
        case "payment.reserved" | "payment.released" | "payment.refused":
            why = f": {data['reason']}" if data.get("reason") else ""
            what = event["type"].partition(".")[2]
            return f"{data['amount']:.2f} for order {data['order_id']} are {what}{why}"
        case "credit.limited":
            return f"user {data['user_id']} has a credit of {data['limit']:.2f}"
        case _:
            return str(data)
