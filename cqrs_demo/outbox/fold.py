"""The write model from the log: what the events add up to, compared with the tables that commands
write.

A command puts its row and its event into one transaction, so at any instant the two agree, with no
lag to allow for. Where they do not, somebody has changed a row behind the service's back, or the
log is no event store but a notice board.
"""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from psycopg import sql

from cqrs_demo.contract.events import KnownEvent, type_of
from cqrs_demo.database import Pool
from cqrs_demo.outbox.payload import columns

SHOWN = 100  # differences shown per table; all of them are counted

# One statement, one snapshot.
DIFFERENCES = """
with folded as ({folded}),
stored as ({stored}),
live as (select * from stored except all select * from folded),
log as (select * from folded except all select * from stored)
select to_jsonb(live)::text as live, to_jsonb(log)::text as log, count(*) over () as total
from live
full join log using ({key})
order by {key}
limit {shown}
"""


@dataclass(frozen=True, slots=True)
class Fold:
    """A table, and what the log says of it: two queries with the same columns, `key` among them."""

    table: str
    folded: str
    stored: str
    key: str = "id"


def fields_of(event: type[KnownEvent]) -> str:
    """The data of this type of event as a row, in a query over demo.events."""
    typed = ", ".join(f"{name} {type}" for name, type in columns(event).items())
    return f"cross join lateral jsonb_to_record(event.data) as row ({typed})"


def one_row_each(table: str, event: type[KnownEvent]) -> Fold:
    """A table that is the sum of one type of event: each made a row, its data the columns."""
    folded = f"""
        select event.id as event_id, row.* from demo.events as event {fields_of(event)}
        where event.type = '{type_of(event)}'
    """  # noqa: S608  # made of the contract, not of input
    stored = f"select event_id, {', '.join(columns(event))} from demo.{table}"  # noqa: S608
    return Fold(table, folded, stored)


async def verify_fold(pool: Pool, fold: Fold) -> dict[str, Any]:
    """How many rows the table has, how many differ from the log (or are in one of the two alone),
    and the first hundred of those."""
    query = sql.SQL(DIFFERENCES).format(
        folded=sql.SQL(fold.folded),
        stored=sql.SQL(fold.stored),
        key=sql.Identifier(fold.key),
        shown=SHOWN,
    )
    table = sql.Identifier(fold.table)
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("set local statement_timeout = '5min'")
        rows = await (await connection.execute(query)).fetchall()
        count = await (
            await connection.execute(sql.SQL("select count(*) as rows from demo.{}").format(table))
        ).fetchone()
    assert count is not None
    differences = [_difference(fold.key, row["live"], row["log"]) for row in rows]
    return {
        "table": fold.table,
        "rows": count["rows"],
        "drift": rows[0]["total"] if rows else 0,
        "differences": differences,
    }


def _difference(key: str, live: str | None, log: str | None) -> dict[str, Any]:
    there, told = (json.loads(row, parse_float=Decimal) if row else {} for row in (live, log))
    kind = "missing" if not there else "extra" if not told else "changed"
    names = [name for name in there or told if name != key and there.get(name) != told.get(name)]
    fields = {name: {"live": there.get(name), "log": told.get(name)} for name in names}
    return {"key": {key: (there or told)[key]}, "kind": kind, "fields": fields}
