"""The lines that matter, cut out of the real source: what a notebook shows of the pattern is what
runs. A part is found by its first and its last line, so it may move in its file."""

import inspect
from dataclasses import dataclass
from importlib import import_module
from textwrap import dedent

from cqrs_demo.client.errors import Refused


@dataclass(frozen=True)
class Excerpt:
    """`first` and `last` are how the first and the last line begin; `last` is the next such line
    after `first`. `first` may go on over a second line, to be the only one."""

    module: str
    first: str
    last: str


PARTS = {
    "three rows": Excerpt(
        "user_service.commands", "state as (", "    select sequence, id from event"
    ),
    "outbox": Excerpt("order_service.commands", "event as (", "    select sequence, id from event"),
    "relay": Excerpt(
        "outbox.relay",
        "    async def _publish(self, session",
        "        await self._forget(session, rows",
    ),
    "inbox": Excerpt("inbox.inbox", "    insert into processed_events", "    returning event_id"),
    "consumer": Excerpt(
        "inbox.handler", "            fresh = await claim(", "                    await self"
    ),
    "newest wins": Excerpt(
        "invoice_service.projections.invoices",
        "update invoice_account as known",
        "  and newest.sequence >",
    ),
    "acknowledge": Excerpt(
        "inbox.consumer",
        "            try:\n                await self.handler",
        "                break",
    ),
    "confirmed": Excerpt(
        "outbox.relay", "        except PublishFailed as failure:", "            raise"
    ),
    "retry": Excerpt(
        "outbox.retries", "    query = sql.SQL(", "    return Accepted(row, replayed=True)"
    ),
    "total": Excerpt(
        "invoice_service.projections.invoices",
        "insert into invoices (invoice_id",
        "on conflict (invoice_id)",
    ),
    "revenue": Excerpt(
        "invoice_service.projections.revenue",
        "insert into customer_revenue",
        "    revenue = customer_revenue",
    ),
    "saga": Excerpt("order_service.saga.definition", "SAGA: dict[", "}"),
    "release": Excerpt(
        "payment_service.reservations", "with ended as (", "select amount from ended"
    ),
    "upcaster": Excerpt("contract.upcasters", "def order_created_2", "}"),
    "lift": Excerpt("contract.reading", "def _lifted(", "    return data"),
}


class Code:
    """Shows itself as text, and in colours where they can be had."""

    def __init__(self, path: str, text: str) -> None:
        self._path, self._text = path, text

    def __repr__(self) -> str:
        return f"# {self._path}\n{self._text}"


def code(name: str) -> Code:
    """Raises Refused for a name that is none."""
    if name not in PARTS:
        raise Refused(f"there is no part {name!r} to show; there are {', '.join(PARTS)}")
    part = PARTS[name]
    module = import_module(f"cqrs_demo.{part.module}")
    source = inspect.getsource(module)
    first = source.index(f"\n{part.first}") + 1
    last = source.index("\n", source.index(f"\n{part.last}", first) + 1)
    path = f"cqrs_demo/{part.module.replace('.', '/')}.py"
    return Code(path, dedent(source[first:last]))
