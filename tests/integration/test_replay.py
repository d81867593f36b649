"""Replay: the same rows again from the logs alone, beside a live model that goes on, and no trace
of a run that failed."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import psycopg
import pytest
from psycopg.errors import CheckViolation

from cqrs_demo.invoice_service.replay.history import Progress
from cqrs_demo.invoice_service.replay.shadow import AlreadyRunning, SwapRefused, open_shadow
from cqrs_demo.tooling.runtime.migrations import SCHEMAS
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
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
    orders = [
        shop.place_order(id, amount, when)
        for amount, when in ((50, "2025-04-03T10:00:00Z"), (7.25, "2025-05-01T00:00:00Z"))
    ]
    projected(shop, user, shop.create_account(id), shop.create_account(id, city="Newtown"), *orders)
    return int(id)


def test_a_lost_read_side_comes_back_byte_for_byte(shop: Shop, migrated: EmbeddedPostgres) -> None:
    # Given the read model as it is, and a new and empty database in its place; no queue holds any
    # of the events
    before = read_model(shop)
    with cloned_databases(migrated, "invoice_service") as fresh:
        lost = replace(
            shop,
            databases=replace(
                shop.databases,
                dsn=shop.databases.dsn | fresh.dsn,
                admin=shop.databases.admin | fresh.admin,
            ),
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
    # Given a writer that has taken a number of the log and does not commit, and an order after it
    # that is projected already
    user = customer(shop)
    with psycopg.connect(shop.databases.dsn["order_service"]) as slow:
        slow.execute(
            "insert into demo.events (id, type, subject, data) values (uuidv7(), 'order.noted', "
            "'1', '{}')"
        )
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

        # When the replay tries to swap again and again, then other queries are answered and
        # projections go on
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
    shop.databases.rows(
        "invoice_service", "insert into demo.processed_events (event_id) values (gen_random_uuid())"
    )

    # When the model is replayed, then that is refused, and nothing is changed
    before = read_model(shop)
    with pytest.raises(
        SwapRefused, match=r"1 of the events that the read model is made of are in no log.*--force"
    ):
        run_replay(shop)
    assert read_model(shop) == before

    # When it is forced, then the event is told of, and gone
    assert run_replay(shop, force=True).in_no_log == 1
    assert run_replay(shop).in_no_log == 0


def test_a_users_row_that_no_log_knows_is_not_dropped_unasked(shop: Shop) -> None:
    # Given an order of somebody, and one of somebody else, which came from nobody knows where
    mine, other = customer(shop), customer(shop)
    slipped = (
        "insert into demo.invoice_lines select %s, invoice_id, 'Gift', 1, now(), now() from "
        "demo.invoices where user_id = %s limit 1"
    )
    for user in (mine, other):
        shop.databases.rows("invoice_service", slipped, 1_000_000 + user, user)
    before = read_model(shop)

    # When that user is replayed, then that is refused with the count of that user's; unless it is
    # forced
    with pytest.raises(SwapRefused, match="1 of the events"):
        run_replay(shop, mine)
    assert read_model(shop) == before
    assert run_replay(shop, mine, force=True).in_no_log == 1
    assert (
        len(
            shop.databases.rows(
                "invoice_service", "select 1 from demo.invoice_lines where description = 'Gift'"
            )
        )
        == 1
    )
    assert run_replay(shop, other, force=True).in_no_log == 1


def test_a_line_of_the_log_that_is_no_event_is_passed_over_and_reported(shop: Shop) -> None:
    # Given an order in the log whose amount is no number, as an older version may have written it
    broken = """insert into demo.events (id, type, subject, data) values (uuidv7(),
        'order.created', '1', '{"id": 1, "amount": "much"}')"""
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

    # When the model is replayed, whole or for that user, or verified, then the others are as they
    # were and the one is reported
    assert run_replay(shop).set_aside == 1
    assert read_model(shop) == before
    assert run_replay(shop, user).set_aside == 1
    assert read_model(shop) == before
    assert run_verify(shop).drift == {}

    # And once the cause is gone, it counts with the next replay
    shop.databases.rows("invoice_service", "alter table demo.invoice_lines drop constraint not_13")
    assert run_replay(shop).set_aside == 0
    assert letter["event_id"] in read_model(shop)["processed_events"]


@contextmanager
def set_aside(shop: Shop, user: int, amount: int) -> Iterator[str]:
    """An order of that amount, which a fault of the read model has made a dead letter; its event's
    id. Afterwards the fault is gone."""
    name = f"not_{amount}"
    shop.databases.rows(
        "invoice_service",
        f"alter table demo.invoice_lines add constraint {name} check (amount <> {amount})",
    )
    event_id = shop.place_order(user, amount).headers["x-event-id"]
    eventually(lambda: letter_of(shop, event_id))
    yield event_id
    shop.databases.rows(
        "invoice_service", f"alter table demo.invoice_lines drop constraint if exists {name}"
    )


def letter_of(shop: Shop, event_id: str, status: str = "waiting") -> int | None:
    letters = shop.get("invoice-service", "/dead-letters", status=status).json()
    return next((letter["id"] for letter in letters if letter["event_id"] == event_id), None)


def settle(shop: Shop, how: str, event_id: str) -> None:
    answer = shop.post(
        "invoice-service", f"/dead-letters/{how}", {"ids": [letter_of(shop, event_id)]}
    )
    assert answer.json() in ({"discarded": 1}, {"applied": 1, "failed": 0}), answer.text


def test_what_an_operator_has_discarded_stays_out_of_every_rebuilt_model(shop: Shop) -> None:
    # Given an order that was set aside for a fault of the read model and discarded; the fault is
    # gone
    user = customer(shop)
    with set_aside(shop, user, 100) as event_id:
        settle(shop, "discard", event_id)
    before = read_model(shop)

    # When the model is rebuilt, whole or for that user, then the order is reported, and on no
    # invoice
    for only in (None, user):
        assert run_replay(shop, only).set_aside == 1
        assert read_model(shop) == before

    # And verify sees no drift and nothing missing, and mends other drift without it
    verdict = run_verify(shop, pending_for=0)
    assert (verdict.ok, verdict.drift, verdict.pending, verdict.set_aside) == (True, {}, 0, 1)
    shop.databases.rows(
        "invoice_service", "update demo.invoices set total = 1 where user_id = %s", user
    )
    assert run_verify(shop, fix=True).fixed
    assert read_model(shop) == before


def test_a_dead_letter_that_a_replay_has_applied_counts_once_whatever_becomes_of_it(
    shop: Shop,
) -> None:
    # Given two orders that were set aside; the fault is gone, and a replay has applied them
    user = customer(shop)
    with set_aside(shop, user, 101) as one, set_aside(shop, user, 102) as two:
        pass
    run_replay(shop)
    assert shop.invoice(user).json()["total"] == 50 + 101 + 102
    before = read_model(shop)

    # When one is retried all the same, and the other discarded, then both stay, also in the next
    # replay
    settle(shop, "retry", one)
    settle(shop, "discard", two)
    assert read_model(shop) == before
    for only in (None, user):
        run_replay(shop, only)
        assert read_model(shop) == before
    assert run_verify(shop).ok


def test_a_dead_letter_that_a_replay_has_applied_is_not_lost_when_its_fault_comes_back(
    shop: Shop,
) -> None:
    # Given an order that was set aside and that a replay has applied; its letter still waits
    user = customer(shop)
    with set_aside(shop, user, 104):
        pass
    run_replay(shop)
    before = read_model(shop)

    # When the fault is back, then a replay fails rather than do without the order
    shop.databases.rows(
        "invoice_service",
        "alter table demo.invoice_lines add constraint not_104 check (amount <> 104) not valid",
    )
    with pytest.raises(CheckViolation, match="not_104"):
        run_replay(shop)
    assert read_model(shop) == before
    shop.databases.rows("invoice_service", "alter table demo.invoice_lines drop constraint not_104")


@pytest.mark.parametrize(("how", "repaired"), [("discard", "before"), ("retry", "meanwhile")])
def test_a_dead_letter_settled_during_a_replay_is_neither_revived_nor_lost(
    shop: Shop, how: str, repaired: str
) -> None:
    # Given an order that was set aside, and a read model whose fault is repaired before the replay,
    # or while it goes on
    user = customer(shop)
    with set_aside(shop, user, 103) as event_id:
        repair = "alter table demo.invoice_lines drop constraint not_103"
        if repaired == "before":
            shop.databases.rows("invoice_service", repair)

        # When an operator settles it just before the swap
        def tell(progress: Progress) -> None:
            if progress.step == "swapping" and letter_of(shop, event_id):
                if repaired == "meanwhile":
                    shop.databases.rows("invoice_service", repair)
                settle(shop, how, event_id)

        # Then the replay is called off, and the operator's word holds, also in the next one
        with pytest.raises(SwapRefused, match="dead letters were retried or discarded"):
            run_replay(shop, progress=Progress(tell))
        total = shop.invoice(user).json()["total"]
        assert total == (50 if how == "discard" else 153)
        run_replay(shop)
        assert shop.invoice(user).json()["total"] == total


def test_an_event_that_cannot_be_applied_and_is_no_dead_letter_ends_the_replay(shop: Shop) -> None:
    # Given an order on its invoice, and a projection that has unlearnt to take it
    user = customer(shop)
    projected(shop, shop.place_order(user, 15))
    before = read_model(shop)
    shop.databases.rows(
        "invoice_service",
        "alter table demo.invoice_lines add constraint not_15 check (amount <> 15) not valid",
    )

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


def test_one_user_is_rebuilt_although_another_one_has_got_hold_of_the_rows(shop: Shop) -> None:
    # Given a customer whose rows somebody has given to another
    mine, other = customer(shop), customer(shop)
    before = read_model(shop)
    for table in ("revenue_orders", "invoices"):
        spoil = f"update demo.{table} set user_id = %s where user_id = %s"
        shop.databases.rows("invoice_service", spoil, other + 1_000_000, mine)

    # When the customer is replayed, then each row is there once, and the customer's
    run_replay(shop, mine)
    assert read_model(shop) == before


def test_one_user_is_rebuilt_and_the_others_are_left_alone(shop: Shop) -> None:
    # Given two customers whose rows somebody has spoiled
    mine, other = customer(shop), customer(shop)
    before = read_model(shop)
    spoil = (
        "update demo.invoices set total = 0 where user_id = any(%s)",
        "delete from demo.invoice_account where user_id = any(%s)",
        "delete from demo.invoice_lines where invoice_id in (select invoice_id from demo.invoices "
        "where user_id = any(%s))",
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
    # Given the role that replays, when it tries to drop or to make a table by itself, then it may
    # not
    with psycopg.connect(shop.databases.dsn["invoice_service"], autocommit=True) as role:
        for statement in (
            "drop table demo.invoices",
            "create table demo.mine (x int)",
            "create table shadow.mine (x int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                role.execute(statement)


def shadow_tables(shop: Shop) -> int:
    return int(
        shop.databases.rows(
            "invoice_service", "select count(*) from pg_tables where schemaname = 'shadow'"
        )[0][0]
    )


def waits_for_tables(shop: Shop) -> int:
    waiting = "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and not granted"
    return int(shop.databases.rows("invoice_service", waiting)[0][0])
