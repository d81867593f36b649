"""Attempts: which events were in hand when a process died, so that one that kills its process does
not do so for ever.

A row per batch is committed BEFORE the batch is applied, and deleted in the transaction that
applies it. So a row that is left over names the suspects, on any broker: no delivery count is
needed. A suspect is applied alone; one that ended the process MOST times is set aside. The note is
made when all locks are held: to be killed while waiting is nobody's fault.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from cqrs_demo.database import AWAY, Connection

MOST = 3

# All there are: none at rest, and a row for each batch in another consumer's hand.
ALL = "select unnest(events) as event_id, count(*) as attempts from demo.attempts group by event_id"

NOTE = "insert into demo.attempts (events) values (%b::uuid[]) returning id"

FORGET = "delete from demo.attempts where id = %s"

# The others that were in a batch when the process died stay suspects.
CLEAR = """
with rest as (
    select id, array(select unnest(events) except select unnest(%(events)b::uuid[])) as events
    from demo.attempts
    where events && %(events)b::uuid[]
),
kept as (
    update demo.attempts set events = rest.events from rest where attempts.id = rest.id
        and rest.events <> '{}'
)
delete from demo.attempts using rest where attempts.id = rest.id and rest.events = '{}'
"""


async def attempts(connection: Connection) -> dict[UUID, int]:
    """How many attempts at which event ended a process, or are under way in another one."""
    rows = await (await connection.execute(ALL, prepare=True)).fetchall()
    return {row["event_id"]: row["attempts"] for row in rows}


@asynccontextmanager
async def noted(
    notes: Connection, connection: Connection, events: Sequence[UUID]
) -> AsyncIterator[None]:
    """What is done inside is an attempt at the events. `notes` commits the note at once,
    `connection` is the attempt's own transaction, in which the note is deleted again. An attempt
    that fails, and leaves the process alive, is taken back."""
    row = await (await notes.execute(NOTE, [list(events)], prepare=True)).fetchone()
    assert row is not None
    try:
        yield
    except BaseException:
        with suppress(*AWAY):
            await notes.execute(FORGET, [row["id"]])
        raise
    await connection.execute(FORGET, [row["id"]], prepare=True)


async def clear(connection: Connection, events: Sequence[UUID]) -> None:
    """These suspects were applied, or set aside, in the caller's transaction."""
    if events:
        await connection.execute(CLEAR, {"events": list(events)})
