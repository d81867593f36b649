"""The inbox: the ids of the events that were applied, so that one that is delivered twice counts
once.

An id is inserted in the transaction that applies its event. Two consumers with the same event in
hand meet here: the second waits for the first one's commit and then finds the id taken.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from cqrs_demo.contract.events import Event
from cqrs_demo.database import Connection

E = TypeVar("E", bound=Event)

# %b: the list travels in binary, which costs a third of writing it out as text.
# Returns those that were claimed before: as a rule none, and nothing need travel back.
CLAIM = """
with asked as (
    select unnest(%b::uuid[]) as event_id
),
claimed as (
    insert into processed_events (event_id)
    select event_id from asked
    order by event_id
    on conflict do nothing
    returning event_id
)
select event_id from asked except select event_id from claimed
"""

APPLIED = """
select event_id, processed_at
from processed_events
where event_id = any(%b::uuid[])
order by processed_at, event_id
"""


async def claim(connection: Connection, events: Sequence[E]) -> list[E]:
    """Those of the events that were not applied before, each once. Runs in the caller's
    transaction, which then applies them."""
    by_id = {event.id: event for event in events}
    duplicates = await connection.execute(CLAIM, [list(by_id)], prepare=True)
    for row in await duplicates.fetchall():
        del by_id[row["event_id"]]
    return list(by_id.values())


async def applied(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """Those of the events that are applied, and since when; the earliest first."""
    rows = await (await connection.execute(APPLIED, [list(ids)], prepare=True)).fetchall()
    return {row["event_id"]: row["processed_at"] for row in rows}
