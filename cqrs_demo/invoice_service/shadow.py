"""The shadow: a second copy of the read model's tables, in a schema of its own, filled by the same projection.

projection.py names its tables without a schema, so all it takes is another search_path. One run at a time has the shadow;
what a run that was killed leaves in it, the next one drops. Next: replay.py and verify.py, the two that use it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from psycopg import sql
from psycopg.errors import LockNotAvailable

from cqrs_demo.contract.events import Event, Unknown
from cqrs_demo.database import AWAY, Connection, connect
from cqrs_demo.invoice_service.history import History, LogUnavailable, concerned
from cqrs_demo.invoice_service.projection import project

ONE_RUN_LOCK = (7_365, 2)
LOCK_ATTEMPTS = 10  # a fifth of a second apart: the session of a run that was killed just now may not have ended yet
PATIENCE = (50, 100, 200, 400, 600, 600, 600)
"""Milliseconds per attempt that the swap waits for queries to let go of a table: other queries wait behind it that long.
Below deadlock_timeout (1 s), so that it is always the swap that gives way."""

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
  and processed_at < %s
"""

IS_DEAD_LETTER = "select from demo.dead_letters where event_id = %s::text and status <> 'retried' limit 1"


class AlreadyRunning(Exception):
    """Another replay or verify has the shadow."""


class SwapRefused(Exception):
    """Queries held the read model's tables, or a writer its log, for too long. The live model is as it was."""


class Shadow:
    """The shadow's tables, empty at first, the session that has them, and one that helps to fill them."""

    def __init__(self, session: Connection, helper: Connection, began: datetime) -> None:
        """`began` by the database's clock, as everything in the inbox."""
        self.session, self.began = session, began
        self.set_aside: set[UUID] = set()
        self._helper = helper
        self._pages = 0

    async def fill(self, events: Sequence[Event]) -> None:
        """Apply a page: users with even numbers in the one session, at the same time those with odd ones in the other. Every row
        is about one user, so neither waits for the other."""
        halves: tuple[list[Event], list[Event]] = ([], [])
        for event in events:
            if not isinstance(event, Unknown):
                halves[concerned(event) % 2].append(event)
        done = await asyncio.gather(*map(self._project_in, (self.session, self._helper), halves), return_exceptions=True)
        for error in filter(None, done):
            raise error
        self._pages += 1
        if self._pages in (1, 4, 16, 64, 256):  # else every statement stays planned for tables that were empty
            await self.session.execute("select demo.analyze_shadow()")

    async def project(self, events: Sequence[Event]) -> None:
        """Apply a page in the one session, in its transaction if one is open."""
        await self._project_in(self.session, events)

    async def _project_in(self, session: Connection, events: Sequence[Event]) -> None:
        """An event that cannot be applied is found by halving. It ends the run; unless it is a dead letter, because then the live
        model does without it, too, and the rebuilt one is no worse."""
        try:
            async with session.transaction():
                await project(session, events)
        except AWAY:
            raise
        except Exception:
            if len(events) > 1:
                middle = len(events) // 2
                await self._project_in(session, events[:middle])
                await self._project_in(session, events[middle:])
            elif events and await (await session.execute(IS_DEAD_LETTER, [events[0].id])).fetchone() is not None:
                self.set_aside.add(events[0].id)
            else:
                raise

    async def complete(self) -> None:
        """What is better done once at the end than row by row: indexes."""
        await self.session.execute("select demo.complete_shadow()")

    async def catch_up_and(self, take_over: Callable[[Connection], Awaitable[None]], history: History) -> None:
        """Read what has come, with the live projections held off for the last of it, and `take_over` in the same transaction.
        Raises SwapRefused."""
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
                    # Whatever counts live was in a log before, and the logs have been read to their ends: it is here, too.
                    await self.session.execute(sql.SQL("set local lock_timeout = {}").format(patience))
                    await take_over(self.session)
                return
            except (LockNotAvailable, LogUnavailable) as error:  # somebody reads, or writes, for longer than others should wait
                go_back()
                reason = error
            await asyncio.sleep(patience / 250)
        told = str(reason).splitlines()[0]
        raise SwapRefused(f"the moment without long queries and writers did not come ({told}). Nothing was changed; try again") from reason

    async def in_no_log(self, before: datetime) -> int:
        """Events that the live model had counted before that instant and that are not here, with the logs read beyond it."""
        row = await (await self.session.execute(IN_NO_LOG, [before])).fetchone()
        assert row is not None
        return int(row["events"])


@asynccontextmanager
async def open_shadow(dsn: str) -> AsyncIterator[Shadow]:
    """Raises AlreadyRunning when another run has the shadow, psycopg.OperationalError when the database is away."""
    async with await connect(dsn, "replay") as session, await connect(dsn, "replay") as helper:
        await _be_the_only_one(session)
        for each in (session, helper):
            await each.execute(SESSION)
        made = await (await session.execute("select clock_timestamp() as began, demo.make_shadow()")).fetchone()
        assert made is not None
        try:
            yield Shadow(session, helper, made["began"])
        finally:
            if not session.broken:
                await session.execute("select demo.drop_shadow()")


async def _be_the_only_one(session: Connection) -> None:
    for _ in range(LOCK_ATTEMPTS):
        row = await (await session.execute("select pg_try_advisory_lock(%s, %s) as mine", ONE_RUN_LOCK)).fetchone()
        if row is not None and row["mine"]:
            return
        await asyncio.sleep(0.2)
    raise AlreadyRunning("a replay or verify is running already; wait for it, or stop it")
