"""Waiting for one's own event costs the database the same, however many wait."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import psycopg
import pytest

from cqrs_demo.database import Pool, pool_for
from cqrs_demo.invoice_service.waiting import Waiting
from tests.fixtures.shop import Databases

MANY = 300


@asynccontextmanager
async def opened(databases: Databases) -> AsyncIterator[Pool]:
    pool = pool_for(databases.dsn["invoice_service"], "test")
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


def project(databases: Databases, *events: UUID) -> None:
    statement = "insert into demo.processed_events (event_id) select unnest(%s::uuid[])"
    databases.rows("invoice_service", statement, list(map(str, events)))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  # a test looks from outside
            await asyncio.sleep(0.01)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]  # a coroutine function


def test_all_who_wait_are_asked_for_in_one_query(databases: Databases) -> None:
    async def wait_together() -> None:
        async with opened(databases) as pool:
            waiting, events = Waiting(pool), [uuid4() for _ in range(MANY)]
            # Given many who wait, each for an event of their own
            waits = [asyncio.create_task(waiting.until_projected(event, 20)) for event in events]
            await until(lambda: len(waiting._futures) == MANY)
            before = pool.get_stats()["requests_num"]
            # When all of the events are projected, by another copy of the service
            await asyncio.to_thread(project, databases, *events)
            assert all(await asyncio.gather(*waits))
            # Then a few looks were enough for all of them
            assert pool.get_stats()["requests_num"] - before < MANY / 10
            # And nobody looks any more
            await until(lambda: waiting._looking is None)

    run(wait_together)


def test_who_leaves_or_waits_in_vain_leaves_nothing_behind(databases: Databases) -> None:
    async def leave() -> None:
        async with opened(databases) as pool:
            waiting = Waiting(pool)
            assert not await waiting.until_projected(uuid4(), 0)
            assert not await waiting.until_projected(uuid4(), 0.1)
            gone = asyncio.create_task(waiting.until_projected(uuid4(), 20))
            await until(lambda: bool(waiting._futures))
            gone.cancel()
            await until(lambda: waiting._looking is None)
            assert not waiting._futures

    run(leave)


def test_when_the_database_goes_away_everybody_is_told(databases: Databases) -> None:
    async def go_away() -> None:
        async with opened(databases) as pool:
            waiting = Waiting(pool)
            waits = [asyncio.create_task(waiting.until_projected(uuid4(), 20)) for _ in range(5)]
            await until(lambda: len(waiting._futures) == 5)
            databases.rows("invoice_service", "alter table demo.processed_events rename to gone")
            try:
                told = await asyncio.gather(*waits, return_exceptions=True)
            finally:
                back = "alter table demo.gone rename to processed_events"
                databases.rows("invoice_service", back)
            assert [type(error) for error in told] == [psycopg.errors.UndefinedTable] * 5

    run(go_away)


def test_a_commit_of_this_process_wakes_at_once(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a look that would come only after a long time
    monkeypatch.setattr("cqrs_demo.invoice_service.waiting.POLL", 600)

    async def be_woken() -> None:
        async with opened(databases) as pool:
            waiting, event = Waiting(pool), uuid4()
            wait = asyncio.create_task(waiting.until_projected(event, 20))
            await until(lambda: bool(waiting._futures))
            await asyncio.to_thread(project, databases, event)
            waiting.wake()
            assert await wait

    run(be_woken)
