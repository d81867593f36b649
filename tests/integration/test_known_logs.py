"""Replay and verify read the logs that they know, or change nothing: a URL says where a log is, not
whose it is."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from cqrs_demo.invoice_service.replay.shadow import SwapRefused
from cqrs_demo.tooling.runtime.migrations import SCHEMAS
from cqrs_demo.tooling.runtime.ports import free_port
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from tests.fixtures.history import command, projected, read_model, run_replay, run_verify
from tests.fixtures.shop import PREFIXES, Databases, Shop, cloned_databases, eventually

NEW_IDENTITY = "update demo.log_identity set id = gen_random_uuid() returning id"


@contextmanager
def system(server: EmbeddedPostgres) -> Iterator[Shop]:
    """A shop whose logs are its own. (The databases of all tests are copies of the same ones, and
    so are the logs' ids.)"""
    with cloned_databases(server, *SCHEMAS, "broker") as databases, ExitStack() as stack:
        for database in ("user_service", "order_service"):
            databases.rows(database, NEW_IDENTITY)
        shop = Shop(databases, databases.dsn["broker"])
        for service in PREFIXES:
            shop.urls[service] = stack.enter_context(shop.running(service))
        stack.callback(shop.client.close)
        yield shop


@pytest.fixture(scope="module")
def other_shop(migrated: EmbeddedPostgres) -> Iterator[Shop]:
    """Another system, with a user 1 of its own, who ordered other things."""
    with system(migrated) as shop:
        sell(shop, "Somebody", 700, 800, 900)
        yield shop


@pytest.fixture
def shop(migrated: EmbeddedPostgres) -> Iterator[Shop]:
    """A system with a user 1, and orders of 50, 60 and 70."""
    with system(migrated) as shop:
        sell(shop, "Alice", 50, 60, 70)
        yield shop


def sell(shop: Shop, name: str, *amounts: int) -> None:
    user = shop.create_user(name, f"{name}@demo.com")
    orders = [shop.place_order(user.json()["id"], amount) for amount in amounts]
    projected(shop, user, shop.create_account(user.json()["id"]), *orders)


def reading(shop: Shop, **urls: str) -> Shop:
    """The same system, with somebody else at a URL that it knows."""
    return replace(
        shop, urls=shop.urls | {name.replace("_", "-"): url for name, url in urls.items()}
    )


def ended(url: str, kind: str, body: dict[str, Any]) -> Any:
    assert httpx.post(f"{url}/{kind}", json=body).status_code == 202
    return eventually(
        lambda: (run := httpx.get(f"{url}/{kind}").json())["state"] != "running" and run
    )


def restore_older_backup(databases: Databases, position: int) -> None:
    """order-service's log and what it says, as they were when its log ended there."""
    databases.rows("order_service", "delete from demo.events where sequence > %s", position)
    databases.rows("order_service", "select setval('demo.events_sequence_seq', %s)", position)


def test_a_log_of_another_system_replaces_nothing(shop: Shop, other_shop: Shop) -> None:
    # Given a system that has read its logs once, and another one's log where its order-service was
    assert run_verify(shop).ok
    before = read_model(shop)
    astray = reading(shop, order_service=other_shop.urls["order-service"])

    # When the model is replayed, whole or for one user, then it is refused, with the count, and
    # nothing has changed
    for user, why in (
        (None, "3 of the events that the read model is made of are in no log"),
        (1, "3 of the events"),
    ):
        with pytest.raises(
            SwapRefused, match=f"another than /order-service had before.*{why}.*--force"
        ):
            run_replay(astray, user)
    assert read_model(shop) == before

    # And when it is verified, then that is told; and mended is nothing
    verdict = run_verify(astray, fix=True)
    assert (verdict.ok, verdict.in_no_log, len(verdict.log_faults), verdict.fixed) == (
        False,
        3,
        1,
        False,
    )
    assert "refused" in str(verdict.refused)
    assert read_model(shop) == before

    # And with the right logs all is as it was
    assert run_verify(shop).ok
    assert run_replay(shop).in_no_log == 0
    assert read_model(shop) == before


def test_a_port_that_went_to_another_system_is_no_source_of_a_replay(
    shop: Shop, other_shop: Shop
) -> None:
    # Given an invoice-service that has learnt the address of an order-service
    port = free_port()
    learnt = f"http://127.0.0.1:{port}{PREFIXES['order-service']}"
    with shop.running("invoice-service", order_service_url=learnt) as url:
        with shop.running("order-service", port=port):
            assert ended(url, "verify", {})["result"]["ok"]
        before = read_model(shop)

        # When that one is gone, and one of another system has its port
        with other_shop.running("order-service", port=port):
            runs = [ended(url, "replay", {}), ended(url, "replay", {"user_id": 1})]
            verdict = ended(url, "verify", {"fix": True})["result"]

    # Then nothing is replaced, and it is told why
    for run in runs:
        assert run["state"] == "failed"
        assert "another than /order-service had before" in run["error"]
        assert "3 of the events" in run["error"]
    assert (verdict["ok"], verdict["fixed"]) == (False, False)
    assert read_model(shop) == before


def test_a_first_replay_from_a_foreign_log_is_refused_for_the_events_it_lacks(
    shop: Shop, other_shop: Shop
) -> None:
    # Given a system that never looked at its logs, when it is replayed from another one's
    before = read_model(shop)
    astray = reading(shop, order_service=other_shop.urls["order-service"])
    for user in (None, 1):
        with pytest.raises(
            SwapRefused, match="3 of the events that the read model is made of are in no log"
        ):
            run_replay(astray, user)

    # Then nothing has changed, and that log was not taken for its own
    assert read_model(shop) == before
    run_replay(shop)
    assert read_model(shop) == before


def test_a_log_that_is_another_services_is_refused_also_when_nothing_is_known(
    shop: Shop, migrated: EmbeddedPostgres
) -> None:
    # Given a new read side, and a setting that has order-service's URL where user-service's should
    # be
    with cloned_databases(migrated, "invoice_service") as fresh:
        new = replace(
            shop,
            databases=replace(
                shop.databases,
                dsn=shop.databases.dsn | fresh.dsn,
                admin=shop.databases.admin | fresh.admin,
            ),
        )
        mixed_up = reading(new, user_service=shop.urls["order-service"])

        # When it is filled, then that is said
        with pytest.raises(SwapRefused, match="is that of /order-service, not of /user-service"):
            run_replay(mixed_up)
        assert not any(read_model(new).values())


def test_a_log_restored_from_an_older_backup_is_noticed(shop: Shop) -> None:
    # Given a log of three orders that has been read
    assert run_verify(shop).ok
    before = read_model(shop)

    # When it is restored from a backup with only one of them
    restore_older_backup(shop.databases, 1)

    # Then neither a replay nor a repair drops the others
    shorter = "the log of /order-service is shorter than before: it ends at 1, and had gone on to 3"
    for user in (None, 1):
        with pytest.raises(SwapRefused, match=f"{shorter}; 2 of the events"):
            run_replay(shop, user)
    verdict = run_verify(shop, fix=True)
    assert (verdict.ok, verdict.log_faults, verdict.in_no_log, verdict.fixed) == (
        False,
        [shorter],
        2,
        False,
    )
    assert read_model(shop) == before

    # And also not when it has grown again, to where it was and beyond
    orders = [shop.place_order(1, amount) for amount in (1, 2, 3)]
    eventually(
        lambda: (
            len(read_model(shop)["processed_events"])
            == len(before["processed_events"]) + len(orders)
        )
    )
    with pytest.raises(
        SwapRefused, match="2 of the events that the read model is made of are in no log"
    ):
        run_replay(shop)


def test_a_read_model_that_has_forgotten_notices_a_shorter_log_too(shop: Shop) -> None:
    # Given a log that has been read, and a read model that has lost everything since
    assert run_verify(shop).ok
    for table in read_model(shop):
        shop.databases.rows("invoice_service", f"delete from demo.{table}")

    # When the log has lost its end, too, then that is not passed over
    restore_older_backup(shop.databases, 1)
    with pytest.raises(SwapRefused, match="shorter than before"):
        run_replay(shop)


@pytest.mark.parametrize("user", [None, 1])
def test_who_says_so_gets_the_model_that_the_logs_make_now(shop: Shop, user: int | None) -> None:
    # Given a log that has lost two of three orders for good
    assert run_verify(shop).ok
    restore_older_backup(shop.databases, 1)

    # When the replay is forced, then the model is what is left, and what it lost is counted
    assert run_replay(shop, user, force=True).in_no_log == 2
    assert shop.invoice(1).json()["total"] == 50

    # And the logs as they are now are the known ones
    assert run_verify(shop).log_faults == []


def test_verify_with_fix_and_force_mends_from_a_log_that_is_new(shop: Shop) -> None:
    # Given an order-service whose database was made anew and filled from the old one, and drift
    assert run_verify(shop).ok
    shop.databases.rows("order_service", NEW_IDENTITY)
    shop.databases.rows("invoice_service", "update demo.invoices set total = 1")

    # When it is to be mended, then only by force; and after that the log is known
    assert not run_verify(shop, fix=True).fixed
    assert run_verify(shop, fix=True, force=True).fixed
    assert shop.invoice(1).json()["total"] == 180
    assert run_verify(shop).ok


def run_command(shop: Shop, *arguments: str) -> tuple[int, str, str]:
    with command(shop, *arguments) as process:
        said, complained = process.communicate(timeout=30)
    return process.returncode, said, complained


def test_the_service_and_the_command_line_refuse_alike(shop: Shop) -> None:
    # Given a shortened log
    assert run_verify(shop).ok
    restore_older_backup(shop.databases, 1)

    # When it is replayed from the command line, then the exit code and the text say so
    code, said, refused = run_command(shop, "replay")
    assert (code, said) == (1, "")
    assert "shorter than before" in refused
    assert "2 of the events that the read model is made of are in no log" in refused
    assert "--force" in refused

    # And verify ends in 1, for people and for programs
    code, said, _ = run_command(shop, "verify")
    assert (code, "shorter than before" in said, "No drift" in said) == (1, True, False)
    code, said, _ = run_command(shop, "verify", "--json")
    told = json.loads(said)
    assert (code, told["ok"], told["in_no_log"], len(told["log_faults"])) == (1, False, 2, 1)

    # And over HTTP the run fails in the same words, unless it is forced
    url = shop.urls["invoice-service"]
    failed = ended(url, "replay", {})
    assert failed["state"] == "failed"
    assert failed["error"] in refused
    done = ended(url, "replay", {"force": True})
    assert (done["state"], done["result"]["in_no_log"]) == ("done", 2)
    assert run_command(shop, "verify")[0] == 0
