"""Where the relay's look into the outbox begins: past what it deleted, never past what can still
appear."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
import pytest

from cqrs_demo.messaging.broker import Message
from cqrs_demo.messaging.pgmq import PgmqBroker
from cqrs_demo.outbox import floor, relay
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from tests.fixtures.shop import Databases, Shop, cloned_databases, eventually

PUT = """
with event as (
    insert into demo.events (id, type, subject, data)
    select uuidv7(), 'order.created', %s, '{}' from generate_series(1, %s)
    returning sequence, id
)
insert into demo.outbox (sequence, event_id) select sequence, id from event
"""
AGAIN = (
    "insert into demo.outbox (sequence, event_id) select sequence, id from demo.events where "
    "subject = %s"
)
END_RELAY = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and application_name = 'relay/order-service'
"""
STEPS = "select idx_tup_read from pg_stat_user_indexes where indexrelname = 'outbox_pkey'"


@pytest.fixture
def shop(migrated: EmbeddedPostgres, databases: Databases) -> Iterator[Shop]:
    """order-service alone, so that what it publishes stays in the queue."""
    with cloned_databases(migrated, "broker") as broker:
        shop = Shop(
            Databases(databases.dsn | broker.dsn, databases.admin | broker.admin),
            broker.dsn["broker"],
        )
        yield shop
        shop.client.close()


@pytest.fixture
def no_net(monkeypatch: pytest.MonkeyPatch) -> None:
    """The floor is raised at every look, and the relay looks only when it is woken: what it skips,
    it skips for good."""
    monkeypatch.setattr(floor, "EVERY", 0)
    monkeypatch.setattr(relay, "POLL", 600)
    monkeypatch.setattr(
        relay, "LEADER_SILENCE", 600
    )  # or the server would end its session meanwhile, and it would begin anew


@contextmanager
def order_service(shop: Shop) -> Iterator[None]:
    with shop.running("order-service") as shop.urls["order-service"]:
        eventually(
            lambda: (
                shop.databases.rows("broker", "select to_regclass('pgmq.q_order') is not null")
                == [(True,)]
            )
        )
        yield


def published(shop: Shop) -> list[str]:
    """The subjects of the events in the queue, in the order in which they came."""
    rows = shop.databases.rows(
        "broker", "select message ->> 'subject' from pgmq.q_order order by msg_id"
    )
    return [subject for (subject,) in rows]


def order(shop: Shop) -> str:
    """An order through the service, which wakes the relay; it is published before this returns."""
    answer = shop.place_order(1)
    subject = str(answer.json()["id"])
    eventually(lambda: subject in published(shop))
    return subject


def test_beside_a_session_that_holds_a_snapshot_the_relay_does_not_step_over_all_it_deleted(
    shop: Shop,
) -> None:
    with psycopg.connect(shop.databases.admin["order_service"]) as snapshot:
        # Given a session that holds a snapshot, so that no deleted row can be vacuumed, and
        # thousands of deleted rows
        snapshot.execute("set transaction isolation level repeatable read")
        snapshot.execute("select from demo.events")
        shop.databases.rows("order_service", PUT, "many", 5_000)
        with order_service(shop):
            eventually(
                lambda: (
                    shop.databases.rows("broker", "select queue_length from pgmq.metrics('order')")
                    == [(5_000,)]
                )
            )
            # When sixty orders come one by one
            for _ in range(60):
                order(shop)
    # Then the index was read for these and for the thousands once or twice, not for the thousands
    # sixty times
    [(steps,)] = eventually(lambda: shop.databases.rows("order_service", STEPS))
    assert steps < 10 * 5_000


@pytest.mark.usefixtures("no_net")
def test_a_writer_that_commits_after_those_behind_it_were_published_is_found_by_the_next_look(
    shop: Shop,
) -> None:
    with (
        order_service(shop),
        psycopg.connect(shop.databases.admin["order_service"]) as slow,
        psycopg.connect(shop.databases.admin["order_service"]) as undecided,
    ):
        order(shop)
        # Given two writers who have taken their places in the log, and orders that were published
        # after them
        slow.execute(PUT, ["slow", 2])
        undecided.execute(PUT, ["undecided", 1])
        order(shop)
        order(shop)
        # When one of the two commits and the other one rolls back
        slow.commit()
        undecided.rollback()
        # Then the next look finds what was committed
        order(shop)
        eventually(lambda: published(shop).count("slow") == 2)
        # And goes on behind what was rolled back
        order(shop)
        assert len(published(shop)) == 7


@pytest.mark.usefixtures("no_net")
def test_a_relay_that_leads_anew_looks_at_the_whole_outbox(shop: Shop) -> None:
    with order_service(shop):
        first = order(shop)
        order(shop)
        order(shop)
        # Given an event below the floor, as after a restore
        shop.databases.rows("order_service", AGAIN, first)
        # When the relay loses its session, and with it the lead, and finds out at its next look
        shop.databases.rows("order_service", END_RELAY)
        order(shop)
        # Then its next leadership begins at the beginning
        eventually(lambda: published(shop).count(first) == 2)


def test_an_event_put_back_into_the_outbox_by_hand_is_published_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floor, "EVERY", 0)
    with order_service(shop):
        first = order(shop)
        order(shop)
        shop.databases.rows("order_service", AGAIN, first)
        eventually(lambda: published(shop).count(first) == 2)


@pytest.mark.usefixtures("no_net")
def test_a_writer_that_commits_while_a_batch_is_being_published_is_found_by_the_next_look(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with order_service(shop), psycopg.connect(shop.databases.admin["order_service"]) as slow:
        # Given a writer who took its place in the log, and a later order that the relay has in hand
        slow.execute(PUT, ["slow", 1])
        publish = PgmqBroker.publish

        async def slowly(broker: PgmqBroker, messages: Sequence[Message]) -> None:
            slow.commit()
            await publish(broker, messages)

        # When the writer commits between the look and the deletion of what it found
        monkeypatch.setattr(PgmqBroker, "publish", slowly)
        order(shop)
        # Then the look after it finds that event
        eventually(lambda: "slow" in published(shop))
