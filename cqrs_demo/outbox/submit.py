"""How a command gets from its handler into a transaction: alone, or in company (group_commit.py).

A command is written as one statement over a list of commands. The service brings the function that
runs it; this decides how long the list is. Off or on is one line in the service's server.py.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from cqrs_demo.exact_json import dumps

Row = dict[str, Any]

Execute = Callable[[Sequence[Row]], Awaitable[list[Row | None]]]
"""Commits these commands and returns the row that each made, in their order; None for one that was
refused. It is called with the columns of each command's row."""


class Submit(Protocol):
    async def submit(self, command: Row) -> Row | None:
        """The row that the command made, once it is committed; None when it was refused. Raises the
        driver's error when the database is away."""
        ...


class OneByOne:
    """A transaction for each command."""

    def __init__(self, execute: Execute, committed: Callable[[], None]) -> None:
        """`committed` is called after each commit."""
        self._execute, self._committed = execute, committed

    async def submit(self, command: Row) -> Row | None:
        [row] = await self._execute([command])
        self._committed()
        return row


def trace_column(traceparent: str | None) -> Row:
    """What a command's row has besides, where its request says to which trace it belongs."""
    return {"traceparent": traceparent} if traceparent else {}


def numbered(commands: Sequence[Row]) -> Mapping[str, str]:
    """The parameter of such a statement: a JSON array of the commands, each with its position."""
    listed = [{**command, "position": position} for position, command in enumerate(commands)]
    return {"commands": dumps(listed).decode()}


def by_position(rows: Sequence[Row], count: int) -> list[Row | None]:
    """What the statement returned, in the order of the commands."""
    accepted = {row["position"]: row for row in rows}
    return [accepted.get(position) for position in range(count)]
