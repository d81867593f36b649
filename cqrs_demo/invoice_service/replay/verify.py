"""Verify: is the live read model what the logs say? The shadow is built from the logs and compared
with it, row by row.

What is in a log and not yet projected is lag and no drift. So the shadow is made of those events
alone that the live inbox has; the others are put aside and reported as pending. The comparison is
one transaction with one snapshot of the live model, whose inbox and rows belong together in it, so
it needs no lock and disturbs nobody, however busy the system is.

Lag passes within moments. An event that has been pending for long does not come by itself: that is
a fault like drift. Next: replay.py, which is what --fix ends in.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from psycopg import sql
from pydantic import TypeAdapter

from cqrs_demo.contract.codec import decode
from cqrs_demo.contract.events import Event
from cqrs_demo.invoice_service.replay.history import History
from cqrs_demo.invoice_service.replay.known_logs import log_faults, refusal, remember
from cqrs_demo.invoice_service.replay.rebuild import swap_in
from cqrs_demo.invoice_service.replay.shadow import Shadow, open_shadow

SHOWN = 100  # differences shown per table; all of them are counted
AT_ONCE = 5_000  # pending events taken up at once
PENDING_FOR = 60  # seconds after which a pending event is overdue, unless told otherwise

COUNTED_LIVE = "select event_id from demo.processed_events where event_id = any(%b)"

PUT_ASIDE = (
    "insert into pending (event_id, body) select * from unnest(%s::uuid[], %s::text[]) on "
    "conflict do nothing"
)

TAKE_COUNTED = """
delete from pending
where event_id in (select event_id from pending join demo.processed_events using (event_id)
    limit %s)
returning body
"""

TAKE_ANY = (
    "delete from pending where event_id in (select event_id from pending limit %s) returning body"
)

# What a dead letter holds will not come by itself; unless an operator retries it, and then it
# counts.
NOT_COUNTED = """
with letters as (
    select event_id from demo.dead_letters where status <> 'retried' and event_id is not null
)
select count(*) filter (where dead) as set_aside,
       count(*) filter (where not dead) as pending,
       count(*) filter (where not dead and age > make_interval(secs => %s)) as overdue
from (
    select event_id::text in (select event_id from letters) as dead,
           clock_timestamp() - (body::json ->> 'time')::timestamptz as age
    from pending
) as not_counted
"""

# processed_events was compared already, event by event; when each was counted is not in any log.
KEYS = """
select table_name, array_agg(attname order by array_position(conkey, attnum)) as key
from demo.read_model
join pg_constraint on conrelid = format('shadow.%I', table_name)::regclass and contype = 'p'
join pg_attribute on attrelid = conrelid and attnum = any(conkey)
where table_name <> 'processed_events'
group by table_name
order by table_name
"""

DIFFERENCES = """
with live as (select * from demo.{table} except all select * from shadow.{table}),
     log as (select * from shadow.{table} except all select * from demo.{table})
select to_jsonb(live)::text as live, to_jsonb(log)::text as log, count(*) over () as total
from live
full join log using ({key})
order by {key}
limit {shown}
"""

_any_event: TypeAdapter[Event] = TypeAdapter(Event)


@dataclass(frozen=True)
class Difference:
    """A row that is not as it should be. `missing`: the log has it, the table does not; `extra`:
    the other way round; `changed`: `fields` names what differs. Each field has the value it has
    live and the one the log gives."""

    table: str
    key: dict[str, Any]
    kind: Literal["missing", "extra", "changed"]
    fields: dict[str, dict[str, Any]]


@dataclass
class Verdict:
    """`ok`: no drift, nothing overdue, and the logs are the known ones and whole. `drift` counts
    differing rows per table, `differences` shows the first hundred of each. `pending`: events in
    the logs and not projected yet; `overdue`: those of them that happened longer ago than lag
    explains. `set_aside`: not projected because they are dead letters, or were discarded.
    `in_no_log`: events projected that no log has. `log_faults`: what is wrong with the logs, in
    sentences. `unreadable`: lines of the logs that are no events. `refused`: why drift was not
    mended, though that was asked."""

    ok: bool = False
    events: int = 0
    pending: int = 0
    overdue: int = 0
    set_aside: int = 0
    in_no_log: int = 0
    unreadable: int = 0
    log_faults: list[str] = field(default_factory=list)
    drift: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    fixed: bool = False
    refused: str | None = None


async def verify(
    dsn: str,
    history: History,
    *,
    fix: bool = False,
    force: bool = False,
    pending_for: float = PENDING_FOR,
) -> Verdict:
    """Compare; with `fix`, swap the shadow in where there is drift. `force` as for replay().
    `pending_for`: seconds after which a pending event is overdue. Raises what replay() raises."""
    progress = history.progress
    async with open_shadow(dsn) as shadow:
        progress.enter("building")
        async for events in history.pages():
            await shadow.fill(await _what_counts(shadow, events))
        progress.enter("comparing")
        await shadow.complete()
        async with shadow.session.transaction():
            await shadow.session.execute("set transaction isolation level repeatable read")
            verdict = await _compare(shadow, history, pending_for)
        why_not = refusal(verdict.log_faults, verdict.in_no_log)
        if why_not is None:
            await remember(shadow.session, history)
        if fix and verdict.drift and why_not is not None and not force:
            verdict.refused = why_not
        elif fix and verdict.drift:
            progress.enter("swapping")
            await shadow.leave_out_discarded()
            await _project_pending(shadow, TAKE_ANY)
            await swap_in(shadow, history, force=force)
            verdict.fixed = True
    return verdict


async def _what_counts(shadow: Shadow, events: Sequence[Event]) -> list[Event]:
    """The events that the live model has counted; the others are put aside as pending."""
    rows = await shadow.session.execute(
        COUNTED_LIVE, [[event.id for event in events]], prepare=True
    )
    counted = {row["event_id"] for row in await rows.fetchall()}
    pending = [event for event in events if event.id not in counted]
    if pending:
        await shadow.session.execute(
            PUT_ASIDE,
            [
                [event.id for event in pending],
                [_any_event.dump_json(event).decode() for event in pending],
            ],
        )
    return [event for event in events if event.id in counted]


async def _project_pending(shadow: Shadow, take: str) -> None:
    while rows := await (await shadow.session.execute(take, [AT_ONCE])).fetchall():
        await shadow.project([decode(row["body"].encode()) for row in rows])


async def _compare(shadow: Shadow, history: History, pending_for: float) -> Verdict:
    """In a transaction whose first statement, here, fixes what is seen of the live model."""
    if await shadow.in_no_log():  # counted since the building
        async for events in history.pages():
            await shadow.project(await _what_counts(shadow, events))
        await _project_pending(shadow, TAKE_COUNTED)
    not_counted = await (await shadow.session.execute(NOT_COUNTED, [pending_for])).fetchone()
    assert not_counted is not None
    verdict = Verdict(
        events=history.progress.events,
        **not_counted,
        in_no_log=await shadow.in_no_log(),
        unreadable=history.unreadable,
        log_faults=await log_faults(shadow.session, history),
    )
    for row in await (await shadow.session.execute(KEYS)).fetchall():
        await _compare_table(shadow, row["table_name"], row["key"], verdict)
    verdict.ok = not (verdict.drift or verdict.overdue or verdict.in_no_log or verdict.log_faults)
    return verdict


async def _compare_table(shadow: Shadow, table: str, key: list[str], verdict: Verdict) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, key))
    query = sql.SQL(DIFFERENCES).format(table=sql.Identifier(table), key=columns, shown=SHOWN)
    rows = await (await shadow.session.execute(query)).fetchall()
    if rows:
        verdict.drift[table] = rows[0]["total"]
        verdict.differences += [_difference(table, key, row["live"], row["log"]) for row in rows]


def _difference(table: str, key: list[str], live: str | None, log: str | None) -> Difference:
    there, told = (json.loads(row, parse_float=Decimal) if row else {} for row in (live, log))
    kind: Literal["missing", "extra", "changed"] = (
        "missing" if not there else "extra" if not told else "changed"
    )
    row = there or told
    fields = {
        name: {"live": there.get(name), "log": told.get(name)}
        for name in row
        if there.get(name) != told.get(name)
    }
    return Difference(
        table,
        {name: row[name] for name in key},
        kind,
        {n: f for n, f in fields.items() if n not in key},
    )
