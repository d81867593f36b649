"""Replay: the same rows again from the logs alone, beside a live model that goes on, and no trace of a run that failed."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import psycopg
import pytest
from psycopg.errors import CheckViolation

from cqrs_demo.invoice_service.shadow import AlreadyRunning, open_shadow
from cqrs_demo.runtime.migrations import SCHEMAS
from cqrs_demo.runtime.postgres import EmbeddedPostgres
from tests.fixtures.history import meanwhile, projected, read_model, run_replay, run_verify
from tests.fixtures.shared_shop import fresh_email
from tests.fixtures.shop import PREFIXES, Shop, cloned_databases, eventually


@pytest.fixture(scope="module")
def shop(migrated: EmbeddedPostgres) -> Iterator[Shop]:
    """All three services, with a few users and orders that have been projected."""
    with ExitStack() as stack:
        databases = stack.enter_context(cloned_databases(migrated, *SCHEMAS, "broker"))
        shop = Shop(databases, databases.dsn["broker"])
        for service in PREFIXES:
            shop.urls[service] = stack.enter_context(shop.running(service))
        stack.callback(shop.client.close)
        for _ in range(3):
            customer(shop)
        yield shop


def customer(shop: Shop) -> int:
    """A user with an address and three orders, all projected."""
    user = shop.create_user(email=fresh_email())
    id = user.json()["id"]
    orders = [shop.place_order(id, amount, when) for amount, when in ((50, "2025-04-03T10:00:00Z"), (7.25, "2025-05-01T00:00:00Z"))]
    projected(shop, user, shop.create_account(id), shop.create_account(id, city="Newtown"), *orders)
    return int(id)


def test_a_lost_read_side_comes_back_byte_for_byte(shop: Shop, migrated: EmbeddedPostgres) -> None:
    # Given the read model as it is, and a new and empty database in its place; no queue holds any of the events
    before = read_model(shop)
    with cloned_databases(migrated, "invoice_service") as fresh:
        lost = replace(
            shop, databases=replace(shop.databases, dsn=shop.databases.dsn | fresh.dsn, admin=shop.databases.admin | fresh.admin)
        )
        assert not any(read_model(lost).values())

        # When it is replayed
        result = run_replay(lost)

        # Then every row is as it was, invoice ids and inbox included
        assert read_model(lost) == before
        assert result.events == len(before["processed_events"])


def test_orders_that_arrive_during_replays_count_once_and_no_query_fails(shop: Shop) -> None:
    # Given a customer who orders all the time, and others who look at the invoice all the time
    user = customer(shop)
    lines: list[int] = [0]
    orders = []

    def order() -> None:
        orders.append(shop.place_order(user, 1))
        assert orders[-1].status_code == 201

    def look() -> None:
        answer = shop.invoice(user)
        assert answer.status_code == 200, answer.text
        seen = len(answer.json()["orders"])
        assert answer.json()["total"] == 50 + (seen - 1), "a half-built invoice"
        assert seen >= lines[-1], "an invoice that lost orders"
        lines.append(seen)

    # When the model is replayed twice meanwhile
    with meanwhile(order, look):
        for _ in range(2):
            run_replay(shop)

    # Then each order is there once, and the live model is what one more replay makes of the logs
    projected(shop, *orders)
    assert len(shop.invoice(user).json()["orders"]) == 1 + len(orders) > 10
    live = read_model(shop)
    run_replay(shop)
    assert read_model(shop) == live


def test_an_event_projected_before_an_earlier_number_commits_is_not_lost(shop: Shop) -> None:
    # Given a writer that has taken a number of the log and does not commit, and an order after it that is projected already
    user = customer(shop)
    with psycopg.connect(shop.databases.dsn["order_service"]) as slow:
        slow.execute("insert into demo.events (id, type, subject, data) values (uuidv7(), 'order.noted', '1', '{}')")
        projected(shop, shop.place_order(user, 3))

        # When a replay begins, then it does not end before that writer does
        replaying = threading.Thread(target=run_replay, args=(shop,))
        replaying.start()
        replaying.join(1)
        assert replaying.is_alive()
        slow.commit()
    replaying.join(20)

    # And the order is on the invoice
    assert shop.invoice(user).json()["total"] == 53


def test_a_long_query_delays_the_swap_and_neither_fails(shop: Shop) -> None:
    # Given somebody who reads in a transaction and takes their time
    user = customer(shop)
    with psycopg.connect(shop.databases.dsn["invoice_service"]) as reader:
        before = reader.execute("select count(*) from demo.invoices").fetchone()
        replaying = threading.Thread(target=run_replay, args=(shop,))
        replaying.start()

        # When the replay tries to swap again and again, then other queries are answered and projections go on
        eventually(lambda: waits_for_tables(shop))
        projected(shop, shop.place_order(user, 2))
        assert shop.invoice(user).status_code == 200
        assert replaying.is_alive()
        assert reader.execute("select count(*) from demo.invoices").fetchone() == before
    replaying.join(20)

    # Then, with the reader gone, the swap succeeds and nothing is lost
    assert not shadow_tables(shop)
    assert shop.invoice(user).json()["total"] == 52


def test_what_no_log_knows_counts_no_more(shop: Shop) -> None:
    # Given an event that somebody slipped into the inbox
    shop.databases.rows("invoice_service", "insert into demo.processed_events (event_id) values (gen_random_uuid())")

    # When the model is replayed, then it is told of, and gone
    assert run_replay(shop).in_no_log == 1
    assert run_replay(shop).in_no_log == 0


def test_a_line_of_the_log_that_is_no_event_is_passed_over_and_reported(shop: Shop) -> None:
    # Given an order in the log whose amount is no number, as an older version may have written it
    broken = """insert into demo.events (id, type, subject, data) values (uuidv7(), 'order.created', '1', '{"id": 1, "amount": "much"}')"""
    shop.databases.rows("order_service", broken)
    before = read_model(shop)

    # When the model is replayed, then it is reported, and everything else is as it was
    assert run_replay(shop).unreadable == 1
    assert read_model(shop) == before
    shop.databases.rows("order_service", "delete from demo.events where data ->> 'amount' = 'much'")


def test_a_dead_letter_whose_cause_persists_stops_no_replay_and_no_repair(shop: Shop) -> None:
    # Given a read model that refuses an amount, and an order of that amount among others, set aside
    user = customer(shop)
    refused = "alter table demo.invoice_lines add constraint not_13 check (amount <> 13)"
    shop.databases.rows("invoice_service", refused)
    answers = [shop.place_order(user, amount) for amount in (12, 13, 14)]
    projected(shop, answers[0], answers[2])
    [letter] = eventually(lambda: shop.get("invoice-service", "/dead-letters").json())
    before = read_model(shop)

    # When the model is replayed, whole or for that user, or verified, then the others are as they were and the one is reported
    assert run_replay(shop).set_aside == 1
    assert read_model(shop) == before
    assert run_replay(shop, user).set_aside == 1
    assert read_model(shop) == before
    assert run_verify(shop).drift == {}

    # And once the cause is gone, it counts with the next replay
    shop.databases.rows("invoice_service", "alter table demo.invoice_lines drop constraint not_13")
    assert run_replay(shop).set_aside == 0
    assert letter["event_id"] in read_model(shop)["processed_events"]


def test_an_event_that_cannot_be_applied_and_is_no_dead_letter_ends_the_replay(shop: Shop) -> None:
    # Given an order on its invoice, and a projection that has unlearnt to take it
    user = customer(shop)
    projected(shop, shop.place_order(user, 15))
    before = read_model(shop)
    shop.databases.rows("invoice_service", "alter table demo.invoice_lines add constraint not_15 check (amount <> 15) not valid")

    # When the model is replayed, then it fails, and the live model still has the order
    with pytest.raises(CheckViolation, match="not_15"):
        run_replay(shop)
    assert read_model(shop) == before
    shop.databases.rows("invoice_service", "alter table demo.invoice_lines drop constraint not_15")


def test_the_second_of_two_replays_says_so(shop: Shop) -> None:
    # Given somebody who has the shadow
    async def replay_beside_another() -> None:
        async with open_shadow(shop.databases.dsn["invoice_service"]):
            await asyncio.to_thread(run_replay, shop)

    # When another replay begins, then it is told
    with pytest.raises(AlreadyRunning, match="running already"):
        asyncio.run(replay_beside_another())


def test_one_user_is_rebuilt_and_the_others_are_left_alone(shop: Shop) -> None:
    # Given two customers whose rows somebody has spoiled
    mine, other = customer(shop), customer(shop)
    before = read_model(shop)
    spoil = (
        "update demo.invoices set total = 0 where user_id = any(%s)",
        "delete from demo.invoice_account where user_id = any(%s)",
        "delete from demo.invoice_lines where invoice_id in (select invoice_id from demo.invoices where user_id = any(%s))",
        "update demo.customer_revenue set orders = 77 where user_id = any(%s)",
    )
    for statement in spoil:
        shop.databases.rows("invoice_service", statement, [mine, other])

    # When one is replayed
    run_replay(shop, mine)

    # Then that one's invoice is right again, and the other's still wrong
    assert shop.invoice(mine).json()["total"] == 50
    assert shop.invoice(other).json()["total"] == 0
    run_replay(shop, other)
    assert read_model(shop) == before


def test_the_service_role_may_not_change_tables(shop: Shop) -> None:
    # Given the role that replays, when it tries to drop or to make a table by itself, then it may not
    with psycopg.connect(shop.databases.dsn["invoice_service"], autocommit=True) as role:
        for statement in ("drop table demo.invoices", "create table demo.mine (x int)", "create table shadow.mine (x int)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                role.execute(statement)


def shadow_tables(shop: Shop) -> int:
    return int(shop.databases.rows("invoice_service", "select count(*) from pg_tables where schemaname = 'shadow'")[0][0])


def waits_for_tables(shop: Shop) -> int:
    waiting = "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and not granted"
    return int(shop.databases.rows("invoice_service", waiting)[0][0])
