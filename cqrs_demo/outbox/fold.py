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

from cqrs_demo.contract.events import KnownEvent
from cqrs_demo.database import Pool
from cqrs_demo.outbox.payload import columns, type_of

SHOWN = 100  # differences shown per table; all of them are counted

# One statement, one snapshot.
DIFFERENCES = """
with folded as (
    select event.id as event_id, row.*
    from demo.events as event
    cross join lateral jsonb_to_record(event.data) as row ({typed})
    where event.type = {type}
),
stored as (select event_id, {columns} from demo.{table}),
live as (select * from stored except all select * from folded),
log as (select * from folded except all select * from stored)
select to_jsonb(live)::text as live, to_jsonb(log)::text as log, count(*) over () as total
from live
full join log using (id)
order by id
limit {shown}
"""


@dataclass(frozen=True, slots=True)
class Fold:
    """A table that is the sum of one type of event: each made a row, its data the columns."""

    table: str
    event: type[KnownEvent]


async def verify_fold(pool: Pool, fold: Fold) -> dict[str, Any]:
    """How many rows the table has, how many differ from the log (or are in one of the two alone),
    and the first hundred of those."""
    table, fields = sql.Identifier(fold.table), columns(fold.event)
    query = sql.SQL(DIFFERENCES).format(
        table=table,
        type=sql.Literal(type_of(fold.event)),
        typed=sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(type))
            for name, type in fields.items()
        ),
        columns=sql.SQL(", ").join(map(sql.Identifier, fields)),
        shown=SHOWN,
    )
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("set local statement_timeout = '5min'")
        rows = await (await connection.execute(query)).fetchall()
        count = await (
            await connection.execute(sql.SQL("select count(*) as rows from demo.{}").format(table))
        ).fetchone()
    assert count is not None
    differences = [_difference(row["live"], row["log"]) for row in rows]
    return {
        "table": fold.table,
        "rows": count["rows"],
        "drift": rows[0]["total"] if rows else 0,
        "differences": differences,
    }


def _difference(live: str | None, log: str | None) -> dict[str, Any]:
    there, told = (json.loads(row, parse_float=Decimal) if row else {} for row in (live, log))
    kind = "missing" if not there else "extra" if not told else "changed"
    names = [name for name in there or told if name != "id" and there.get(name) != told.get(name)]
    fields = {name: {"live": there.get(name), "log": told.get(name)} for name in names}
    return {"key": {"id": (there or told)["id"]}, "kind": kind, "fields": fields}
