"""The feed: every event exactly once, in log order, whenever it commits; filtered, followed, and
complete when asked to be."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import Any
from uuid import UUID

import psycopg
import pytest

from cqrs_demo.outbox.feed import STORY, WantedEvents
from cqrs_demo.tooling.runtime.migrations import SCHEMAS
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from tests.fixtures.shop import Shop, cloned_databases, eventually

WRITE = """
insert into demo.events (id, type, subject, data)
select uuidv7(), 'order.created', n::text, jsonb_build_object('id', n, 'note', %s::text)
    from generate_series(1, %s) n
returning sequence
"""


@pytest.fixture(scope="module")
def shop(migrated: EmbeddedPostgres) -> Iterator[Shop]:
    """The command services; each test begins where the log ends."""
    with ExitStack() as stack:
        databases = stack.enter_context(cloned_databases(migrated, *SCHEMAS, "broker"))
        shop = Shop(databases, databases.dsn["broker"])
        for service in ("user-service", "order-service"):
            shop.urls[service] = stack.enter_context(shop.running(service))
        stack.callback(shop.client.close)
        yield shop


@pytest.fixture
def end(shop: Shop) -> int:
    """Position of the last event in order-service's log before the test."""
    return int(shop.get("order-service", "/events", complete="true").headers["x-log-horizon"])


def read(
    shop: Shop, after: int, service: str = "order-service", **query: Any
) -> list[dict[str, Any]]:
    answer = shop.get(service, "/events", after=after, **query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.content.splitlines()]


def sequences(events: list[dict[str, Any]]) -> list[int]:
    return [int(event["sequence"]) for event in events]


@contextmanager
def writer(shop: Shop) -> Iterator[psycopg.Connection]:
    """Somebody who writes to order-service's log as the service does, in a transaction that ends
    with the block or before."""
    with psycopg.connect(shop.databases.dsn["order_service"]) as connection:
        yield connection


def append(connection: psycopg.Connection, note: str = "", count: int = 1) -> list[int]:
    return [row[0] for row in connection.execute(WRITE, [note, count])]


def test_a_reader_that_pages_while_others_commit_out_of_order_sees_every_event_once(
    shop: Shop, end: int
) -> None:
    # Given writers that take their numbers and commit a moment later, each at its own pace
    written: list[int] = []
    stop = threading.Event()

    def write(pause: float) -> None:
        with writer(shop) as connection:
            while not stop.is_set():
                numbers = append(connection, count=3)
                stop.wait(pause)
                connection.commit()
                written.extend(numbers)

    writers = [
        threading.Thread(target=write, args=(pause,)) for pause in (0.001, 0.004, 0.015, 0.04)
    ]
    for one in writers:
        one.start()

    # When a reader pages through the log meanwhile, and once more after they are done
    seen: list[int] = []
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        seen += sequences(read(shop, seen[-1] if seen else end, limit=7))
    stop.set()
    for one in writers:
        one.join()
    while page := sequences(read(shop, seen[-1] if seen else end)):
        seen += page

    # Then it has seen every event once, in order
    assert len(written) > 100
    assert seen == sorted(written)


def test_the_feed_says_which_log_it_is(shop: Shop) -> None:
    # Given both services, when their logs are read twice, empty or not, then each says the same id
    # each time, and its own
    ids = {
        service: shop.get(service, "/events", limit=1).headers["x-log-id"]
        for service in ("user-service", "order-service")
    }
    shop.place_order(1)
    assert ids == {
        service: shop.get(service, "/events", complete="true").headers["x-log-id"]
        for service in ids
    }
    assert len({UUID(id) for id in ids.values()}) == 2

    # And it is in no service's power to change it
    with (
        psycopg.connect(shop.databases.dsn["order_service"]) as role,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        role.execute("update demo.log_identity set id = gen_random_uuid()")


def test_an_event_behind_one_that_is_being_written_waits_for_it(shop: Shop, end: int) -> None:
    # Given number 1 taken and not yet committed, and number 2 committed
    with writer(shop) as slow, writer(shop) as fast:
        append(slow, "first")
        append(fast, "second")
        fast.commit()

        # When the log is read, then it ends before them; and whoever asks for all that is committed
        # is told to come back
        assert read(shop, end) == []
        answer = shop.get("order-service", "/events", complete="true")
        assert (answer.status_code, answer.json()["code"]) == (503, "log-not-settled")

        # When number 1 commits, then both are there
        slow.commit()
        assert [event["data"]["note"] for event in read(shop, end, complete="true")] == [
            "first",
            "second",
        ]


def test_a_number_whose_writer_gave_up_holds_nobody_up(shop: Shop, end: int) -> None:
    # Given a rolled-back event between two committed ones
    with writer(shop) as connection:
        append(connection, "kept")
        connection.commit()
        append(connection, "given up")
        connection.rollback()
        append(connection, "kept too")

    # Then the feed has the two, with the gap
    assert [(int(event["sequence"]) - end, event["data"]["note"]) for event in read(shop, end)] == [
        (1, "kept"),
        (3, "kept too"),
    ]


def test_filters_choose_by_type_subject_and_time(shop: Shop) -> None:
    # Given two users and an account
    first = shop.create_user("Ann", "ann@demo.com").json()["id"]
    shop.create_user("Bob", "bob@demo.com")
    shop.create_account(first)
    everything = read(shop, 0, service="user-service")
    assert [event["type"] for event in everything] == [
        "user.created",
        "user.created",
        "account.created",
    ]

    # Then each filter gives its share
    second = everything[1]["time"]
    assert sequences(read(shop, 0, service="user-service", type="account.created")) == [3]
    assert sequences(read(shop, 0, service="user-service", subject="2")) == [2]
    assert sequences(read(shop, 0, service="user-service", since=second)) == [2, 3]
    assert sequences(read(shop, 0, service="user-service", until=second)) == [1]
    assert sequences(read(shop, 0, service="user-service", type="user.created", since=second)) == [
        2
    ]
    assert shop.get("user-service", "/events", since="yesterday").status_code == 422


def test_a_story_is_found_without_looking_through_the_log(shop: Shop, end: int) -> None:
    # Given a long log, and the story of an order in it: a request for credit some time after it
    with writer(shop) as connection:
        append(connection, count=3_000)
    began = shop.place_order(1, 1000).headers["X-Event-Id"]
    with writer(shop) as connection:
        append(connection, count=3_000)

    # When it is asked for, then it comes whole
    assert [event["type"] for event in read(shop, 0, correlation=began)] == [
        "order.created",
        "reservation.requested",
    ]
    # And the database has looked at its events alone
    values = {
        **asdict(WantedEvents(correlation=UUID(began))),
        "after": 0,
        "upto": 2**62,
        "limit": 1_000,
    }
    with psycopg.connect(shop.databases.dsn["order_service"]) as connection:
        plan = connection.execute("explain (analyze, format json) " + STORY, values).fetchall()
    for node in _nodes(plan[0][0][0]["Plan"]):
        assert node["Actual Rows"] + node.get("Rows Removed by Filter", 0) <= 2, node


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _nodes(child)


def test_the_limit_counts_events_also_across_windows(shop: Shop, end: int) -> None:
    # Given five thousand events
    with writer(shop) as connection:
        append(connection, count=5_000)

    # When so many are asked for, then so many come, from the beginning
    for asked, come in (
        ({"limit": 1}, 1),
        ({"limit": 2_500}, 2_500),
        ({"limit": 1_000_000}, 5_000),
        ({}, 1_000),
    ):
        assert sequences(read(shop, end, **asked)) == list(range(end + 1, end + come + 1))


def test_a_follower_gets_what_there_is_and_then_what_comes(shop: Shop, end: int) -> None:
    # Given three events, and a follower that has seen the first
    with writer(shop) as connection:
        append(connection, count=3)
    lines: list[dict[str, Any]] = []

    def follow() -> None:
        with shop.client.stream(
            "GET",
            shop.urls["order-service"] + "/events",
            params={"after": end + 1, "follow": "true"},
        ) as answer:
            for line in answer.iter_lines():
                lines.append(json.loads(line))
                if lines[-1]["data"].get("note") == "last":
                    return

    follower = threading.Thread(target=follow)
    follower.start()
    eventually(lambda: len(lines) == 2)

    # When an order is placed through the service, then an event is appended by another copy, late
    # and out of order
    order = shop.place_order(1).json()
    eventually(lambda: len(lines) == 3)
    with writer(shop) as slow, writer(shop) as fast:
        append(slow, "late")
        append(fast, "last")
        fast.commit()
        slow.commit()
    follower.join(10)

    # Then it has them all, in order
    assert sequences(lines) == [end + n for n in (2, 3, 4, 5, 6)]
    assert lines[2]["data"]["id"] == order["id"]
    assert [line["data"]["note"] for line in lines[3:]] == ["late", "last"]


def test_a_follower_that_filters_gets_only_its_share(shop: Shop, end: int) -> None:
    # Given a follower of one order's events, which asks for one
    found: list[str] = []
    third = shop.place_order(1).json()["id"] + 3

    def follow() -> None:
        answer = shop.get(
            "order-service", "/events", after=end, follow="true", subject=third, limit=1
        )
        found.extend(answer.content.splitlines())

    follower = threading.Thread(target=follow)
    follower.start()

    # When three orders are placed
    for _ in range(3):
        shop.place_order(1)
    follower.join(10)

    # Then it got the third, and its answer has ended
    assert [json.loads(line)["subject"] for line in found] == [str(third)]
