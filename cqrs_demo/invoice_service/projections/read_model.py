"""The read model as the inbox is handed it: all projections in one transaction.

Everything commutes, so the order of events does not matter, and the inbox (inbox/inbox.py) lets
each event count once. Table names are without a schema: they are found through the connection's
search_path, so that a replay fills its own copy by the same code. Next: invoices.py.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from psycopg import sql

from cqrs_demo.contract.events import (
    KnownEvent,
    OrderApproved,
    OrderCancelled,
    OrderCreated,
    OrderRejected,
    UserCreated,
)
from cqrs_demo.database import Connection

OrderEvent = OrderCreated | OrderApproved | OrderRejected | OrderCancelled

# %b: the lists travel in binary, which costs a third of writing them out as text.
MAKE_ACCOUNTS = """
insert into invoice_account (user_id)
select unnest(%b::bigint[])
on conflict do nothing
"""

# All changes to one user's rows queue here. In key order, so that two batches cannot each hold what
# the other wants.
LOCK_ACCOUNTS = """
select from invoice_account where user_id = any(%b) order by user_id for update
"""


class Projection(Protocol):
    """One read model among several. It commutes, and it counts an order once, however many events
    tell of it."""

    @property
    def tables(self) -> tuple[str, ...]:
        """What it writes, and nobody else."""
        ...

    async def apply(self, connection: Connection, events: Sequence[KnownEvent]) -> None:
        """Part of the caller's transaction, in which the users concerned are locked."""
        ...


class ReadModel:
    def __init__(self, *projections: Projection) -> None:
        self._projections = projections
        # Sorted, as the swap at the end of a replay takes them: then neither waits for the other.
        tables = sorted(table for each in projections for table in each.tables)
        self._lock_tables = sql.SQL("lock table {} in row exclusive mode").format(
            sql.SQL(", ").join(map(sql.Identifier, tables))
        )

    async def lock(self, connection: Connection, events: Sequence[KnownEvent]) -> None:
        """A table that somebody has locked is waited for here, and not amid the changes; so are the
        rows of the users concerned."""
        users = sorted({concerned(event) for event in events})
        await connection.execute(self._lock_tables)
        await connection.execute(MAKE_ACCOUNTS, [users], prepare=True)
        await connection.execute(LOCK_ACCOUNTS, [users], prepare=True)

    async def apply(self, connection: Connection, events: Sequence[KnownEvent]) -> None:
        for projection in self._projections:
            await projection.apply(connection, events)


def month_of(moment: datetime) -> datetime:
    """The first instant of its month, in UTC."""
    if moment.utcoffset():
        moment = moment.astimezone(UTC)
    return datetime(moment.year, moment.month, 1, tzinfo=UTC)


def concerned(event: KnownEvent) -> int:
    """The user whose rows the event is about."""
    return event.data.id if isinstance(event, UserCreated) else event.data.user_id
