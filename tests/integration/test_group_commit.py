"""Commands that share a commit: what is wrong with one is not the others' trouble."""

import asyncio
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg.errors import CheckViolation, LockNotAvailable

from cqrs_demo.database import pool_for
from cqrs_demo.order_service import commands
from cqrs_demo.order_service.commands import place_orders
from cqrs_demo.outbox import group_commit
from cqrs_demo.outbox.group_commit import LANES, GroupCommit
from tests.fixtures.shop import Databases

LOCK_TIMEOUT = 0.2  # seconds


def order(amount: float = 1, key: str | None = None) -> dict[str, Any]:
    retry = {"idempotency_key": key, "request_hash": "hash"} if key else {}
    return {
        "user_id": 1,
        "description": "Widget",
        "amount": amount,
        "purchase_dt": "2025-04-03T10:00:00Z",
        **retry,
    }


async def submitted(databases: Databases, commands: list[dict[str, Any]]) -> tuple[list[Any], int]:
    """What becomes of commands that are there at once, and how many commits were tried for them."""
    pool = pool_for(databases.dsn["order_service"], "test")
    pool.kwargs["options"] = pool.kwargs["options"].replace(
        "lock_timeout=5s", f"lock_timeout={LOCK_TIMEOUT}s"
    )
    await pool.open()
    try:
        orders = GroupCommit(partial(place_orders, pool), committed=lambda: None)
        results = await asyncio.gather(*map(orders.submit, commands), return_exceptions=True)
        return results, pool.get_stats()["requests_num"]
    finally:
        await pool.close()


def test_a_command_that_the_database_refuses_fails_alone(databases: Databases) -> None:
    # Given twenty commands at once, one of which breaks a rule of the table
    results, _ = asyncio.run(
        submitted(databases, [order(amount=-1 if n == 7 else 1) for n in range(20)])
    )

    # Then it fails, and the others are committed
    assert [n for n, result in enumerate(results) if isinstance(result, CheckViolation)] == [7]
    assert databases.rows("order_service", "select count(*) from demo.orders") == [(19,)]


def test_what_may_be_committed_is_never_run_again(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a commit that succeeds, with an answer that cannot be read: no date of Python's is
    # infinite
    never = "state.event_id, 'infinity'::timestamptz as never\nfrom"
    unreadable = commands.PLACE_ORDERS.replace("state.event_id\nfrom", never)
    assert unreadable != commands.PLACE_ORDERS
    monkeypatch.setattr(commands, "PLACE_ORDERS", unreadable)
    results, _ = asyncio.run(submitted(databases, [order() for _ in range(5)]))

    # Then all are told so, and each was placed once
    assert all(isinstance(result, psycopg.DataError) for result in results)
    assert databases.rows("order_service", "select count(*) from demo.orders") == [(5,)]


def test_a_command_that_meets_a_lock_fails_alone(databases: Databases) -> None:
    # Given somebody who has taken an idempotency key and has not committed
    with psycopg.connect(databases.dsn["order_service"]) as somebody:
        insert = (
            "insert into demo.orders (user_id, description, amount, purchase_dt, event_id, "
            "idempotency_key, request_hash) "
        )
        somebody.execute(
            insert + "values (1, 'Widget', 1, now(), gen_random_uuid(), 'taken', 'hash')"
        )

        # When a command with that key comes together with others
        results, _ = asyncio.run(
            submitted(databases, [order(key="taken" if n == 7 else str(n)) for n in range(20)])
        )

    # Then it fails, and the others are committed
    assert [n for n, result in enumerate(results) if isinstance(result, LockNotAvailable)] == [7]


def test_a_locked_table_does_not_keep_each_command_waiting_by_itself(databases: Databases) -> None:
    # Given a table that somebody has locked
    with psycopg.connect(databases.admin["order_service"]) as somebody:
        somebody.execute("lock table demo.orders in access exclusive mode")

        # When many commands come at once
        results, commits = asyncio.run(submitted(databases, [order() for _ in range(200)]))

    # Then all are told, after a few of them have waited for the lock
    assert all(isinstance(result, LockNotAvailable) for result in results)
    assert commits <= 3 * LANES
    assert databases.rows("order_service", "select count(*) from demo.orders") == [(0,)]


def test_a_command_that_comes_in_the_moment_when_a_lane_ends_is_not_left_lying(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a single lane, so that it ends with each command
    monkeypatch.setattr(group_commit, "LANES", 1)

    async def one_after_the_other() -> None:
        pool = pool_for(databases.dsn["order_service"], "test")
        await pool.open()
        try:
            orders = GroupCommit(partial(place_orders, pool), committed=lambda: None)
            async with asyncio.timeout(15):
                for _ in range(10):
                    await orders.submit(order())
        finally:
            await pool.close()

    # When each command is submitted as soon as the one before it is answered, then all are
    asyncio.run(one_after_the_other())
    assert databases.rows("order_service", "select count(*) from demo.orders") == [(10,)]


@pytest.mark.parametrize("left", [0, 19])
def test_a_client_that_left_is_no_trouble_for_the_others(databases: Databases, left: int) -> None:
    async def some_leave() -> list[Any]:
        pool = pool_for(databases.dsn["order_service"], "test")
        await pool.open()
        try:
            orders = GroupCommit(partial(place_orders, pool), committed=lambda: None)
            waiting = [asyncio.create_task(orders.submit(order())) for _ in range(20)]
            await asyncio.sleep(0)
            waiting[left].cancel()
            return await asyncio.gather(*waiting, return_exceptions=True)
        finally:
            await pool.close()

    # Given twenty commands of which one's client leaves while they are being committed
    results = asyncio.run(some_leave())

    # Then the others have their answers
    assert [n for n, result in enumerate(results) if isinstance(result, BaseException)] == [left]
