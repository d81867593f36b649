"""Events from code: for a transaction that decides, while it runs, which events follow.

(A command that always makes the same event writes it in its own statement; see
order_service/commands.py.) The log row and the outbox row go in together, in the caller's
transaction, which also changes the state that the events tell of. Next: relay.py.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any
from uuid import UUID

from cqrs_demo.contract.events import Event, KnownEvent, type_of
from cqrs_demo.contract.schemas import schema_of
from cqrs_demo.contract.trace import valid_traceparent
from cqrs_demo.database import Connection
from cqrs_demo.exact_json import dumps

# In the order given: what a story tells first gets the lower position in the log.
APPEND = """
with news as (
    select * from unnest(
        %s::uuid[], %s::text[], %s::text[], %s::text[], %s::uuid[], %s::uuid[], %s::text[],
        %s::text[], %s::jsonb[]
    ) with ordinality
    as n (id, type, subject, partitionkey, correlationid, causationid, dataschema, traceparent,
        data, place)
),
event as (
    insert into demo.events (id, type, subject, partitionkey, correlationid, causationid,
        dataschema, traceparent, data)
    select id, type, subject, partitionkey, correlationid, causationid, dataschema, traceparent,
        data
    from news
    order by place
    returning sequence, id
)
insert into demo.outbox (sequence, event_id)
select sequence, id from event
"""


@dataclass(frozen=True, slots=True)
class Cause:
    """What leads to an event: another one; or, where `event` is None, a command or a deadline. And
    the request that it all belongs to, where that is known."""

    event: UUID | None = None
    traceparent: str | None = None


def caused_by(event: Event) -> Cause:
    return Cause(event.id, event.traceparent)


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event before it has a place in the log."""

    id: UUID
    type: str
    subject: str
    partitionkey: str
    correlationid: UUID
    causationid: UUID | None
    dataschema: str
    traceparent: str | None
    data: str

    @property
    def cause(self) -> Cause:
        return Cause(self.id, self.traceparent)


def new_event(
    kind: type[KnownEvent], data: Any, cause: Cause, *, correlation: UUID | None = None
) -> NewEvent:
    """`data` is what the contract says that this kind carries; its first field is the id of what
    the event is about. Without `correlation` a new story begins here."""
    id = uuid7()
    return NewEvent(
        id,
        type_of(kind),
        subject=str(getattr(data, fields(data)[0].name)),
        partitionkey=str(data.user_id),
        correlationid=correlation or id,
        causationid=cause.event,
        dataschema=schema_of(kind),
        traceparent=valid_traceparent(cause.traceparent),
        data=dumps(asdict(data)).decode(),
    )


async def append(connection: Connection, events: Sequence[NewEvent]) -> None:
    """Into the log and the outbox, in this order, in the caller's transaction."""
    if events:
        rows = [
            (
                *(e.id, e.type, e.subject, e.partitionkey, e.correlationid, e.causationid),
                *(e.dataschema, e.traceparent, e.data),
            )
            for e in events
        ]
        columns = [list(column) for column in zip(*rows, strict=True)]
        await connection.execute(APPEND, columns, prepare=True)


def uuid7() -> UUID:
    """As PostgreSQL's uuidv7(): 48 bits of milliseconds, then random ones (RFC 9562). Python has it
    from 3.14 on."""
    milliseconds = time.time_ns() // 1_000_000
    bits = (milliseconds << 80) | secrets.randbits(80)
    bits = bits & ~(0xF << 76) | (0x7 << 76)  # the version
    bits = bits & ~(0x3 << 62) | (0x2 << 62)  # the variant
    return UUID(int=bits)
