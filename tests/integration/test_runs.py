"""Replay and verify over HTTP, and from the command line: watched, stopped, killed."""

import asyncio
import json
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest

from cqrs_demo.invoice_service.replay.history import History
from cqrs_demo.invoice_service.replay.runs import Action, Run, Runs
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from tests.fixtures.history import command, projected, read_model, run_replay
from tests.fixtures.shared_shop import fresh_email
from tests.fixtures.shop import Shop, eventually, running_shop


@pytest.fixture(scope="module")
def shop(migrated: EmbeddedPostgres) -> Iterator[Shop]:
    """All four services, started once."""
    with running_shop(migrated) as shop:
        yield shop


def spoiled_customer(shop: Shop) -> int:
    """A user with an order of 50, whose invoice somebody has set to nothing."""
    user = shop.create_user(email=fresh_email())
    id = int(user.json()["id"])
    projected(shop, user, shop.place_order(id, 50))
    shop.databases.rows(
        "invoice_service", "update demo.invoices set total = 0 where user_id = %s", id
    )
    return id


def ended(shop: Shop, kind: str) -> Any:
    def look() -> Any:
        status = shop.get("invoice-service", f"/{kind}").json()
        return status if status["state"] != "running" else None

    return eventually(look)


@contextmanager
def swap_held_up(shop: Shop) -> Iterator[None]:
    """A projection that does not end, as far as a replay can see: it waits before its swap."""
    with psycopg.connect(shop.databases.dsn["invoice_service"]) as projection:
        projection.execute("lock table demo.processed_events in row exclusive mode")
        yield


def waits_to_swap(shop: Shop) -> bool:
    waiting = "select 1 from pg_locks where mode = 'ShareRowExclusiveLock' and not granted"
    return bool(shop.databases.rows("invoice_service", waiting))


def test_a_replay_over_http_can_be_watched_to_its_end(shop: Shop) -> None:
    # Given a spoiled invoice, when a replay is asked for
    user = spoiled_customer(shop)
    answer = shop.post("invoice-service", "/replay", {})

    # Then it is accepted, and its status tells when it is done and what it did
    assert (answer.status_code, answer.headers["location"]) == (202, "/invoice-service/replay")
    status = ended(shop, "replay")
    assert (status["state"], status["error"], status["seconds_left"]) == ("done", None, None)
    assert status["result"] == {
        "events": status["events"],
        "set_aside": 0,
        "in_no_log": 0,
        "unreadable": 0,
    }
    assert status["position"] == status["end"] >= status["events"] >= 2
    assert shop.invoice(user).json()["total"] == 50


def test_verify_over_http_reports_each_row(shop: Shop) -> None:
    # Given a spoiled invoice, when it is verified with fix
    user = spoiled_customer(shop)
    assert shop.post("invoice-service", "/verify", {"fix": True}).status_code == 202

    # Then the status has the difference in the form of money, and the invoice is mended
    result = ended(shop, "verify")["result"]
    assert (result["drift"], result["fixed"]) == ({"invoices": 1}, True)
    assert result["differences"][0]["fields"] == {"total": {"live": 0.00, "log": 50.00}}
    assert shop.invoice(user).json()["total"] == 50


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("verify", {"fix": 1}),
        ("verify", {"fix": "yes"}),
        ("verify", {"pending_for": -1}),
        ("verify", {"pending_for": "60"}),
        ("replay", {"user_id": "1"}),
        ("replay", {"force": 1}),
    ],
)
def test_a_run_that_is_asked_for_in_the_wrong_words_does_not_begin(
    shop: Shop, kind: str, body: dict[str, object]
) -> None:
    answer = shop.post("invoice-service", f"/{kind}", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


def test_one_run_at_a_time_and_a_stopped_one_changes_nothing(shop: Shop) -> None:
    # Given a replay that waits before its swap
    user = spoiled_customer(shop)
    with swap_held_up(shop):
        shop.post("invoice-service", "/replay", {"user_id": user})
        eventually(lambda: waits_to_swap(shop))

        # When another is asked for, it is refused
        answer = shop.post("invoice-service", "/verify", {})
        assert (answer.status_code, answer.json()["code"]) == (409, "already-running")

        # When it is stopped, the live model is as it was
        assert httpx.delete(shop.urls["invoice-service"] + "/replay").json()["state"] == "stopped"
    assert shop.invoice(user).json()["total"] == 0

    # And the next one, of this user alone, mends it
    shop.post("invoice-service", "/replay", {"user_id": user})
    assert ended(shop, "replay")["result"]["events"] == 2
    assert shop.invoice(user).json()["total"] == 50


def test_stopping_a_run_of_one_kind_leaves_one_of_the_other_alone(shop: Shop) -> None:
    # Given a verify that is done, and a replay that waits before its swap
    user = spoiled_customer(shop)
    shop.post("invoice-service", "/verify", {})
    assert ended(shop, "verify")["state"] == "done"
    with swap_held_up(shop):
        shop.post("invoice-service", "/replay", {})
        eventually(lambda: waits_to_swap(shop))

        # When the verify is to be stopped, then it is said to be done, and the replay goes on to
        # its end
        assert httpx.delete(shop.urls["invoice-service"] + "/verify").json()["state"] == "done"
    assert ended(shop, "replay")["state"] == "done"
    assert shop.invoice(user).json()["total"] == 50


def test_a_stop_straight_after_the_start_takes_effect(shop: Shop) -> None:
    # Given runs that do not end by themselves
    async def action(_: History) -> None:
        await asyncio.Event().wait()

    async def start_and_stop() -> list[str]:
        runs = Runs([shop.urls["user-service"], shop.urls["order-service"]], None)
        return [(await asyncio.wait_for(stopped(runs, action), 10)).state for _ in range(20)]

    async def stopped(runs: Runs, action: Action) -> Run:
        runs.start("replay", action)
        return await runs.stop("replay")

    # When each is stopped at once, then it has stopped, and the next can begin
    assert asyncio.run(start_and_stop()) == ["stopped"] * 20


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_replay_that_is_killed_leaves_no_trace(shop: Shop, how: signal.Signals) -> None:
    # Given a replay from the command line that has built everything and waits before its swap
    user = spoiled_customer(shop)
    before = read_model(shop)
    with swap_held_up(shop), command(shop, "replay") as replaying:
        eventually(lambda: waits_to_swap(shop))

        # When it is killed, then the live model is as it was
        replaying.send_signal(how)
        assert replaying.wait(10) == (-how if how == signal.SIGKILL else 130)
    assert read_model(shop) == before

    # And the next run begins anew and succeeds
    run_replay(shop)
    assert shop.invoice(user).json()["total"] == 50
    assert (
        shop.databases.rows(
            "invoice_service", "select tablename from pg_tables where schemaname = 'shadow'"
        )
        == []
    )


def test_verify_from_the_command_line_ends_in_1_where_there_is_drift(shop: Shop) -> None:
    # Given a spoiled invoice
    user = spoiled_customer(shop)

    # When it is verified for programs, then the difference is told as JSON
    with command(shop, "verify", "--json") as verifying:
        found = json.loads(verifying.communicate(timeout=30)[0])
    assert (verifying.returncode, found["ok"], found["drift"]) == (1, False, {"invoices": 1})

    # When it is verified for people, and mended, then it says so; and after that there is nothing
    # to find
    with command(shop, "verify", "--fix") as verifying:
        said = verifying.communicate(timeout=30)[0]
    assert verifying.returncode == 1
    assert "total: live 0.00, log 50.00" in said
    assert shop.invoice(user).json()["total"] == 50
    with command(shop, "verify") as verifying:
        said = verifying.communicate(timeout=30)[0]
    assert (verifying.returncode, "No drift" in said) == (0, True)


def test_verify_from_the_command_line_ends_in_1_for_what_has_been_pending_too_long(
    shop: Shop,
) -> None:
    # Given a paused consumer, and an order after that
    user = spoiled_customer(shop)
    run_replay(shop, user)
    shop.put("invoice-service", "/consumer", {"mode": "paused"})
    order = shop.place_order(user, 1)

    # When it is verified, then the order is pending; overdue is it only for those who wait no
    # longer
    with command(shop, "verify") as verifying:
        said = verifying.communicate(timeout=30)[0]
    assert (verifying.returncode, "1 pending" in said, "overdue" in said) == (0, True, False)
    with command(shop, "verify", "--pending-for", "0") as verifying:
        said = verifying.communicate(timeout=30)[0]
    assert (verifying.returncode, "1 of them overdue, pending for more than 0 s" in said) == (
        1,
        True,
    )
    with command(shop, "verify", "--pending-for", "0", "--json") as verifying:
        found = json.loads(verifying.communicate(timeout=30)[0])
    assert (verifying.returncode, found["ok"], found["pending"], found["overdue"]) == (
        1,
        False,
        1,
        1,
    )

    # And over HTTP alike
    shop.post("invoice-service", "/verify", {"pending_for": 0})
    assert (ended(shop, "verify")["result"]["ok"], ended(shop, "verify")["result"]["overdue"]) == (
        False,
        1,
    )
    shop.put("invoice-service", "/consumer", {"mode": "running"})
    projected(shop, order)


def test_verify_of_the_write_side_ends_in_0_where_all_is_well(shop: Shop) -> None:
    # When the write side is verified, then every table is told of
    spoiled_customer(shop)
    with command(shop, "verify", "--write-side") as verifying:
        said = verifying.communicate(timeout=30)[0]
    assert verifying.returncode == 0
    assert [line.split(":")[0] for line in said.splitlines()] == [
        "users",
        "accounts",
        "orders",
        "order_sagas",
        "credit_limits",
        "credits",
        "reservations",
    ]


def test_the_timeline_has_both_services_events_in_order_of_time(shop: Shop) -> None:
    # Given a user who orders, moves house, and orders
    user = shop.create_user("Grace", fresh_email()).json()["id"]
    shop.place_order(user, 1)
    shop.create_account(user)
    shop.place_order(user, 2.5, what="Gadget [bold]")

    # When the timeline of that user is asked for
    with command(shop, "events", "--user", str(user)) as events:
        lines = events.communicate(timeout=30)[0].splitlines()

    # Then it tells the four things in their order
    assert [re.findall(rf"user {user} (\w+)", line) for line in lines] == [
        ["is"],
        ["orders"],
        ["lives"],
        ["orders"],
    ]
    assert "orders Gadget [bold] for 2.50" in lines[3]

    # And for programs they are CloudEvents, filtered
    with command(shop, "events", "--type", "order.created", "--last", "1", "--json") as events:
        assert (
            json.loads(events.communicate(timeout=30)[0])["data"]["description"] == "Gadget [bold]"
        )


def test_the_timeline_follows(shop: Shop) -> None:
    # Given somebody who follows the timeline
    user = shop.create_user("Ada", fresh_email()).json()["id"]
    with command(shop, "events", "--follow", "--json", "--user", str(user)) as events:
        assert events.stdout is not None
        assert json.loads(events.stdout.readline())["type"] == "user.created"

        # When an order is placed and an account made, then they come
        shop.place_order(user, 7)
        assert json.loads(events.stdout.readline())["data"]["amount"] == 7
        shop.create_account(user)
        assert json.loads(events.stdout.readline())["type"] == "account.created"

        # And Ctrl-C ends it
        events.send_signal(signal.SIGINT)
        assert events.wait(10) == 130
