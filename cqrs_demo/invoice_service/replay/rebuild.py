"""Replay: build the whole read model a second time from the logs, beside the live one, and swap it
in.

1. Empty twins of the tables are made in schema `shadow`.
2. The logs are read from the beginning, and the projection that serves the live model fills the
  twins.
3. The live model's projections are held off for a moment, and what came meanwhile is read: now
  nothing can be missing. If something is, or the logs are not the known ones, the run ends here,
  unless it is forced.
4. In the same transaction the twins take the live tables' place. A query sees the old model or the
  new one, whole.

The inbox is among the tables. So an event still on its way through the broker is either in the
shadow, and a duplicate when it arrives, or it is not, and will be counted then. A run that dies
before the last commit has changed nothing. Next: shadow.py, and sql/invoice_service/003_shadow.sql
for what the swap is made of.
"""

from dataclasses import dataclass

from psycopg import sql

from cqrs_demo.database import Connection
from cqrs_demo.invoice_service.replay.history import History
from cqrs_demo.invoice_service.replay.known_logs import accept
from cqrs_demo.invoice_service.replay.shadow import Shadow, open_shadow

# The tables whose rows are about one user, each with its key. (Lines have a statement of their
# own: a line that somebody has put on the user's invoice goes, too, whoever it says it is about.)
TABLES_BY_USER = """
select table_name, array_agg(attname order by array_position(conkey, attnum)) as key
from demo.read_model
join information_schema.columns using (table_name)
join pg_constraint on conrelid = format('demo.%I', table_name)::regclass and contype = 'p'
join pg_attribute on attrelid = conrelid and attnum = any(conkey)
where table_schema = 'demo' and column_name = 'user_id'
group by table_name
order by table_name
"""

# What REPLACE_LINES and REPLACE_ROWS drop and do not bring back. An event is known by what it is
# about and when it happened: a row that only says something wrong is not lost but mended.
IN_NO_LOG_OF_USER = """
select
    (select count(*) from demo.user_history as live
     where user_id = {user} and not exists (
         select from shadow.user_history as twin
         where twin.sequence = live.sequence and twin.happened_at = live.happened_at))
  + (select count(*) from demo.address_history as live
     where user_id = {user} and not exists (
         select from shadow.address_history as twin
         where twin.sequence = live.sequence and twin.happened_at = live.happened_at))
  + (select count(*) from demo.invoice_lines as live
     where (ordered_by = {user}
            or invoice_id in (select invoice_id from demo.invoices where user_id = {user})
            or invoice_id in (select invoice_id from shadow.invoices)
            or order_id in (select order_id from shadow.invoice_lines))
       and not exists (
         select from shadow.invoice_lines as twin
         where twin.order_id = live.order_id
           and (twin.happened_at, twin.ended_at)
               is not distinct from (live.happened_at, live.ended_at))) as events
"""

REPLACE_LINES = """
delete from demo.invoice_lines
where ordered_by = {user}
   or invoice_id in (select invoice_id from demo.invoices
    where user_id = {user} union all select invoice_id from shadow.invoices)
   or order_id in (select order_id from shadow.invoice_lines);
insert into demo.invoice_lines select * from shadow.invoice_lines
"""

# By its key as well: a row that somebody has given to another user comes back, too.
REPLACE_ROWS = """
delete from demo.{table}
where user_id = {user} or ({key}) in (select {key} from shadow.{table});
insert into demo.{table} select * from shadow.{table}
"""

COUNT_EVENTS = (
    "insert into demo.processed_events select * from shadow.processed_events on conflict do nothing"
)


@dataclass(frozen=True)
class Replayed:
    """`in_no_log`: events that counted in the live model and are in no log, so that they count no
    more; only with force. `set_aside`: events that are dead letters, and still cannot be applied or
    were discarded. `unreadable`: lines of the logs that are no events of the published language."""

    events: int
    set_aside: int
    in_no_log: int
    unreadable: int


async def replay(dsn: str, history: History, *, force: bool = False) -> Replayed:
    """Rebuild everything. With `force` also from logs that are not the known ones, or that lack
    events of the live model. Raises AlreadyRunning, SwapRefused, LogUnavailable, LogChanged,
    psycopg.Error; the live model is then as it was."""
    async with open_shadow(dsn) as shadow:
        await shadow.leave_out_discarded()
        await _build(shadow, history)
        history.progress.enter("indexing")
        await shadow.complete()
        history.progress.enter("swapping")
        in_no_log = await swap_in(shadow, history, force=force)
    return Replayed(history.progress.events, len(shadow.set_aside), in_no_log, history.unreadable)


async def replay_user(dsn: str, history: History, user_id: int, *, force: bool = False) -> Replayed:
    """Rebuild one user's rows, with a history of that user alone. Others are not touched. Raises
    what replay() raises."""

    async def take_over(session: Connection) -> int:
        in_no_log = await _in_no_log_of_user(session, user_id)
        await accept(session, history, in_no_log, force=force)
        await _replace_rows(session, user_id)
        return in_no_log

    async with open_shadow(dsn) as shadow:
        await shadow.leave_out_discarded()
        await _build(shadow, history)
        history.progress.enter("swapping")
        in_no_log = await shadow.catch_up_and(take_over, history)
    return Replayed(history.progress.events, len(shadow.set_aside), in_no_log, history.unreadable)


async def _in_no_log_of_user(session: Connection, user_id: int) -> int:
    query = sql.SQL(IN_NO_LOG_OF_USER).format(user=sql.Literal(user_id))
    row = await (await session.execute(query)).fetchone()
    assert row is not None
    return int(row["events"])


async def _replace_rows(session: Connection, user_id: int) -> None:
    """The user's rows go, those in the shadow take their place."""
    user = sql.Literal(user_id)
    # Lines first: the live invoices, which tell whose lines they are, are still there.
    await session.execute(sql.SQL(REPLACE_LINES).format(user=user))
    for row in await (await session.execute(TABLES_BY_USER)).fetchall():
        table = sql.Identifier(row["table_name"])
        key = sql.SQL(", ").join(map(sql.Identifier, row["key"]))
        await session.execute(sql.SQL(REPLACE_ROWS).format(table=table, user=user, key=key))
    await session.execute(COUNT_EVENTS)


async def _build(shadow: Shadow, history: History) -> None:
    history.progress.enter("building")
    async for events in history.pages():
        await shadow.fill(events)


async def swap_in(shadow: Shadow, history: History, *, force: bool) -> int:
    """The shadow takes the live model's place. Returns how many events of that one it lacks. Raises
    what replay() raises."""
    # Nearly all can be compared now: so the live projections are held off for a moment, not
    # seconds.
    settled = await shadow.in_no_log(before=shadow.settled)

    async def take_over(session: Connection) -> int:
        in_no_log = settled + await shadow.in_no_log(since=shadow.settled)
        await accept(session, history, in_no_log, force=force)
        await session.execute("select demo.swap_in_shadow()")
        return in_no_log

    return await shadow.catch_up_and(take_over, history)
