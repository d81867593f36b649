"""The shadow: a second copy of the read model's tables, in a schema of its own, filled by the same
projection.

The projections name their tables without a schema, so all it takes is another search_path. One run
at a time has the shadow; what a run that was killed leaves in it, the next one drops. Next:
rebuild.py and verify.py, the two that use it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from psycopg import sql
from psycopg.errors import LockNotAvailable

from cqrs_demo.contract.events import Event, KnownEvent, Unknown
from cqrs_demo.database import AWAY, Connection, connect
from cqrs_demo.inbox.handler import apply_once
from cqrs_demo.invoice_service.projections import READ_MODEL
from cqrs_demo.invoice_service.projections.read_model import concerned
from cqrs_demo.invoice_service.replay.history import History, LogUnavailable

Result = TypeVar("Result")

ONE_RUN_LOCK = (7_365, 2)
# a fifth of a second apart: the session of a run that was killed just now may not have ended yet
LOCK_ATTEMPTS = 10
PATIENCE = (50, 100, 200, 400, 600, 600, 600)
"""Milliseconds per attempt that the swap waits for queries to let go of a table: other queries wait
behind it that long. Below deadlock_timeout (1 s), so that it is always the swap that gives way."""

SESSION = """
set search_path = shadow;
set timezone = 'UTC';
set synchronous_commit = off;
set statement_timeout = '10min';
set idle_in_transaction_session_timeout = '2min'
"""

# Every projection begins with an insert into the inbox, so this holds them all off. Queries go on.
HOLD_PROJECTIONS = "lock table demo.processed_events in share row exclusive mode"

IN_NO_LOG = """
select count(*) as events
from demo.processed_events as live
where not exists (select from shadow.processed_events as twin where twin.event_id = live.event_id)
  and processed_at >= %(since)s and processed_at < %(before)s
"""

# No projection takes that long from its inbox row to its commit: the limits in database.py end it.
BEGIN = "select clock_timestamp() - interval '5 minutes' as settled, demo.make_shadow()"

NEVER, EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

# One that counts in the live model was applied after all, and its letter was forgotten.
IS_DEAD_LETTER = """
select from demo.dead_letters as letter
where letter.event_id = %(id)s::text and status <> 'retried'
  and not exists (select from demo.processed_events as live where live.event_id = %(id)s)
limit 1
"""

# The same holds for what was discarded. A letter's event_id is what a broken message claims: it may
# be anything.
DISCARDED = """
with discarded as materialized (
    select event_id::uuid from demo.dead_letters
    where status = 'discarded' and pg_input_is_valid(event_id, 'uuid')
)
select distinct event_id
from discarded left join demo.processed_events as live using (event_id)
where live.processed_at is null
"""

SETTLED_MEANWHILE = """
select
    exists (select from demo.processed_events where event_id = any(%(set_aside)s::uuid[]))
    or exists (select from shadow.processed_events where event_id = any(%(discarded)s::uuid[]))
    as settled
"""


class AlreadyRunning(Exception):
    """Another replay or verify has the shadow."""


class SwapRefused(Exception):
    """It could not be done, or should not: the text says why. The live model is as it was."""


class Shadow:
    """The shadow's tables, empty at first, the session that has them, and one that helps to fill
    them."""

    def __init__(self, session: Connection, helper: Connection, settled: datetime) -> None:
        """`settled`: what the live model had counted before that instant, by the database's clock,
        was committed before the shadow was begun. So it must be among what is read of the logs."""
        self.session, self.settled = session, settled
        self.set_aside: set[UUID] = set()
        """Events of the logs that are not here, as they are not in the live model: dead letters."""
        self._helper = helper
        self._discarded: set[UUID] = set()
        self._pages = 0

    async def leave_out_discarded(self) -> None:
        """From now on. What an operator has discarded must not come back by this way either."""
        self._discarded = await self._read_discarded()

    async def _read_discarded(self) -> set[UUID]:
        rows = await (await self.session.execute(DISCARDED)).fetchall()
        return {row["event_id"] for row in rows}

    def _to_apply(self, events: Sequence[Event]) -> list[KnownEvent]:
        self.set_aside |= {event.id for event in events if event.id in self._discarded}
        known = [event for event in events if not isinstance(event, Unknown)]
        return [event for event in known if event.id not in self._discarded]

    async def fill(self, events: Sequence[Event]) -> None:
        """Apply a page: users with even numbers in the one session, at the same time those with odd
        ones in the other. Every row is about one user, so neither waits for the other."""
        halves: tuple[list[KnownEvent], list[KnownEvent]] = ([], [])
        for event in self._to_apply(events):
            halves[concerned(event) % 2].append(event)
        done = await asyncio.gather(
            *map(self._project_in, (self.session, self._helper), halves), return_exceptions=True
        )
        for error in filter(None, done):
            raise error
        self._pages += 1
        # Else every statement stays planned for tables that were empty.
        if self._pages in (1, 4, 16, 64, 256):
            await self.session.execute("select demo.analyze_shadow()")

    async def project(self, events: Sequence[Event]) -> None:
        """Apply a page in the one session, in its transaction if one is open."""
        await self._project_in(self.session, self._to_apply(events))

    async def _project_in(self, session: Connection, events: Sequence[KnownEvent]) -> None:
        """An event that cannot be applied is found by halving. It ends the run; unless it is a dead
        letter, because then the live model does without it, too, and the rebuilt one is no worse.
        """
        try:
            async with session.transaction():
                await apply_once(session, READ_MODEL, events)
        except AWAY:
            raise
        except Exception:
            if len(events) > 1:
                middle = len(events) // 2
                await self._project_in(session, events[:middle])
                await self._project_in(session, events[middle:])
            elif events and await self._is_dead_letter(session, events[0].id):
                self.set_aside.add(events[0].id)
            else:
                raise

    async def _is_dead_letter(self, session: Connection, id: UUID) -> bool:
        return await (await session.execute(IS_DEAD_LETTER, {"id": id})).fetchone() is not None

    async def complete(self) -> None:
        """What is better done once at the end than row by row: indexes."""
        await self.session.execute("select demo.complete_shadow()")

    async def catch_up_and(
        self, take_over: Callable[[Connection], Awaitable[Result]], history: History
    ) -> Result:
        """Read what has come, with the live projections held off for the last of it, and
        `take_over` in the same transaction. Returns what that returns. Raises SwapRefused."""
        reason: Exception | None = None
        for patience in PATIENCE:
            async for events in history.pages():
                await self.project(events)
            go_back = history.mark()
            try:
                async with self.session.transaction():
                    await self.session.execute("set local synchronous_commit = on")
                    await self.session.execute(HOLD_PROJECTIONS)
                    async for events in history.pages(patience=2):
                        await self.project(events)
                    await self._see_that_no_letter_was_settled()
                    # Whatever counts live was in a log before, and the logs have been read to their
                    # ends: it is here, too.
                    await self.session.execute(
                        sql.SQL("set local lock_timeout = {}").format(patience)
                    )
                    return await take_over(self.session)
            except (LockNotAvailable, LogUnavailable) as error:
                # Somebody reads, or writes, for longer than others should wait.
                go_back()
                reason = error
            await asyncio.sleep(patience / 250)
        told = str(reason).splitlines()[0]
        raise SwapRefused(
            f"the moment without long queries and writers did not come ({told}). Nothing was "
            "changed; try again"
        ) from reason

    async def _see_that_no_letter_was_settled(self) -> None:
        """An operator may do so while the shadow is filled. What was retried would be lost with the
        swap, what was discarded would come back. Raises SwapRefused."""
        discarded = await self._read_discarded() - self._discarded
        news = {"set_aside": list(self.set_aside), "discarded": list(discarded)}
        row = await (await self.session.execute(SETTLED_MEANWHILE, news)).fetchone()
        assert row is not None
        if row["settled"]:
            raise SwapRefused(
                "dead letters were retried or discarded while the model was rebuilt. Nothing was "
                "changed; try again"
            )

    async def in_no_log(self, since: datetime = NEVER, before: datetime = EVER) -> int:
        """Events that the live model counted at that time and that are not here. They are in no
        log, once the logs have been read further than the live projections have come. (To compare a
        million events takes half a second.)"""
        times = {"since": since, "before": before}
        row = await (await self.session.execute(IN_NO_LOG, times)).fetchone()
        assert row is not None
        return int(row["events"])


@asynccontextmanager
async def open_shadow(dsn: str) -> AsyncIterator[Shadow]:
    """Raises AlreadyRunning when another run has the shadow, psycopg.OperationalError when the
    database is away."""
    async with await connect(dsn, "replay") as session, await connect(dsn, "replay") as helper:
        await _be_the_only_one(session)
        for each in (session, helper):
            await each.execute(SESSION)
        begun = await (await session.execute(BEGIN)).fetchone()
        assert begun is not None
        try:
            yield Shadow(session, helper, begun["settled"])
        finally:
            if not session.broken:
                await session.execute("select demo.drop_shadow()")


async def _be_the_only_one(session: Connection) -> None:
    for _ in range(LOCK_ATTEMPTS):
        row = await (
            await session.execute("select pg_try_advisory_lock(%s, %s) as mine", ONE_RUN_LOCK)
        ).fetchone()
        if row is not None and row["mine"]:
            return
        await asyncio.sleep(0.2)
    raise AlreadyRunning("a replay or verify is running already; wait for it, or stop it")
