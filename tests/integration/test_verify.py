"""Verify: every kind of drift is found and named, lag is not drift, and a healthy busy system has
none."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from cqrs_demo.invoice_service.replay.verify import Difference
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from tests.fixtures.history import meanwhile, projected, read_model, run_replay, run_verify
from tests.fixtures.shared_shop import fresh_email
from tests.fixtures.shop import Shop, eventually, running_shop


@pytest.fixture(scope="module")
def shop(migrated: EmbeddedPostgres) -> Iterator[Shop]:
    """All three services, started once."""
    with running_shop(migrated) as shop:
        yield shop


def customer(shop: Shop) -> int:
    """A user with an address and two orders in April, all projected."""
    user = shop.create_user(email=fresh_email())
    id = int(user.json()["id"])
    projected(
        shop, user, shop.create_account(id), shop.place_order(id, 50), shop.place_order(id, 7.25)
    )
    return id


# What somebody does to the rows of user %(user)s, and how it is reported: table, kind, and per
# field what is live and what should be.
DRIFTS = {
    "a deleted line": (
        "delete from demo.invoice_lines where amount = 50 and invoice_id in (select invoice_id "
        "from demo.invoices where user_id = %s)",
        ("invoice_lines", "missing", {"amount": {"live": None, "log": Decimal("50.00")}}),
    ),
    "a doubled line": (
        "insert into demo.invoice_lines select 1000000 + order_id, invoice_id, description, "
        "amount, purchase_dt, happened_at "
        "from demo.invoice_lines where amount = 50 and invoice_id in (select invoice_id from "
        "demo.invoices where user_id = %s)",
        ("invoice_lines", "extra", {"amount": {"live": Decimal("50.00"), "log": None}}),
    ),
    "a wrong total": (
        "update demo.invoices set total = total + 1 where user_id = %s",
        ("invoices", "changed", {"total": {"live": Decimal("58.25"), "log": Decimal("57.25")}}),
    ),
    "a stale address": (
        "update demo.invoices set shipping_address = 'Oldtown' where user_id = %s",
        (
            "invoices",
            "changed",
            {"shipping_address": {"live": "Oldtown", "log": "123 Main St, Cityville, ST 12345"}},
        ),
    ),
    "a lost user": (
        "delete from demo.invoice_account where user_id = %s",
        ("invoice_account", "missing", {"name": {"live": None, "log": "Alice"}}),
    ),
    "wrong revenue": (
        "update demo.customer_revenue set orders = 3 where user_id = %s",
        ("customer_revenue", "changed", {"orders": {"live": 3, "log": 2}}),
    ),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_each_kind_of_drift_is_found_named_and_mended(shop: Shop, drift: str) -> None:
    # Given a healthy model, of which somebody spoils one row
    statement, (table, kind, fields) = DRIFTS[drift]
    user = customer(shop)
    healthy = read_model(shop)
    shop.databases.rows("invoice_service", statement, user)

    # When it is verified with fix
    verdict = run_verify(shop, fix=True)

    # Then that row, and no other, is reported: what is there and what the log says
    assert (verdict.drift, verdict.pending, verdict.fixed) == ({table: 1}, 0, True)
    [found] = verdict.differences
    assert (found.table, found.kind) == (table, kind)
    assert fields.items() <= found.fields.items()
    if kind == "changed":
        assert found.fields == fields

    # And the model is healthy again
    assert read_model(shop) == healthy
    assert run_verify(shop).drift == {}


def test_without_fix_nothing_is_changed(shop: Shop) -> None:
    # Given drift
    user = customer(shop)
    healthy = read_model(shop)
    shop.databases.rows(
        "invoice_service", "update demo.invoices set total = 1 where user_id = %s", user
    )
    spoiled = read_model(shop)

    # When it is verified, then it is reported and stays
    verdict = run_verify(shop)
    assert (verdict.drift, verdict.fixed) == ({"invoices": 1}, False)
    assert read_model(shop) == spoiled
    run_verify(shop, fix=True)
    assert read_model(shop) == healthy


def test_a_healthy_busy_system_shows_no_drift(shop: Shop) -> None:
    # Given customers who order all the time, and one who moves house again and again
    user, other = customer(shop), customer(shop)
    actions = (
        lambda: shop.place_order(user, 1),
        lambda: shop.place_order(other, 2),
        lambda: shop.create_account(user, city="Newtown"),
    )

    # When it is verified meanwhile, then there is no drift
    with meanwhile(*actions):
        verdicts = [run_verify(shop) for _ in range(2)]
    assert [(verdict.drift, verdict.in_no_log) for verdict in verdicts] == [({}, 0)] * 2


def test_events_not_yet_projected_are_pending_and_no_drift(shop: Shop) -> None:
    # Given a paused consumer, and two orders and a user after that
    user = customer(shop)
    assert shop.put("invoice-service", "/consumer", {"mode": "paused"}).status_code == 200
    answers = [
        shop.place_order(user),
        shop.place_order(user),
        shop.create_user(email=fresh_email()),
    ]

    # When it is verified, then they are pending
    verdict = run_verify(shop)
    assert (verdict.drift, verdict.pending) == ({}, 3)

    # And drift beside them is found, and mended with all events that there are
    shop.databases.rows(
        "invoice_service", "update demo.invoices set total = 1 where user_id = %s", user
    )
    verdict = run_verify(shop, fix=True)
    assert (verdict.drift, verdict.pending, verdict.fixed) == ({"invoices": 1}, 3, True)
    assert shop.invoice(user).json()["total"] == 157.25

    # And when the consumer gets them at last, they count no second time
    shop.put("invoice-service", "/consumer", {"mode": "running"})
    eventually(lambda: sum(shop.get("invoice-service", "/consumer").json()["queues"].values()) == 0)
    projected(shop, *answers)
    verdict = run_verify(shop)
    assert (verdict.drift, verdict.pending) == ({}, 0)


def test_an_event_that_was_set_aside_is_not_waited_for(shop: Shop) -> None:
    # Given a read model that refuses one order
    user = customer(shop)
    shop.databases.rows(
        "invoice_service",
        "alter table demo.invoice_lines add constraint no_such check (amount <> 66.60)",
    )
    shop.place_order(user, 66.60)
    eventually(lambda: shop.get("invoice-service", "/dead-letters").json())

    # When it is verified, then its event is no lag and no drift; and once it is retried, it counts
    shop.databases.rows("invoice_service", "alter table demo.invoice_lines drop constraint no_such")
    verdict = run_verify(shop)
    assert (verdict.drift, verdict.pending, verdict.set_aside) == ({}, 0, 1)
    shop.post("invoice-service", "/dead-letters/retry", {"all": True})
    verdict = run_verify(shop)
    assert (verdict.drift, verdict.pending, verdict.set_aside) == ({}, 0, 0)
    assert shop.invoice(user).json()["total"] == 123.85


def test_what_no_log_knows_is_reported(shop: Shop) -> None:
    # Given an event that somebody slipped into the inbox, with a line that no order stands behind
    user = customer(shop)
    shop.databases.rows(
        "invoice_service", "insert into demo.processed_events (event_id) values (gen_random_uuid())"
    )
    shop.databases.rows(
        "invoice_service",
        "insert into demo.invoice_lines select 1000000000, invoice_id, 'Gift', 1, now(), now() "
        "from demo.invoices where user_id = %s",
        user,
    )

    # When it is verified, then both are told, and nothing is mended
    verdict = run_verify(shop, fix=True)
    assert (verdict.ok, verdict.in_no_log, verdict.fixed) == (False, 1, False)
    assert "1 of the events that the read model is made of are in no log" in str(verdict.refused)
    [found] = verdict.differences
    assert (found.table, found.kind, found.key) == (
        "invoice_lines",
        "extra",
        {"order_id": 1_000_000_000},
    )
    assert isinstance(verdict.differences[0], Difference)

    # When it is forced, then it is mended
    assert run_verify(shop, fix=True, force=True).fixed
    assert run_verify(shop).in_no_log == 0


def test_what_has_been_pending_for_too_long_is_a_fault(shop: Shop) -> None:
    # Given an order of two minutes ago that was lost on its way, and a paused consumer before a new
    # order
    user = customer(shop)
    assert run_verify(shop, pending_for=0).ok
    shop.put("order-service", "/relay", {"mode": "paused"})
    lost = shop.place_order(user).headers["x-event-id"]
    shop.databases.rows("order_service", "delete from demo.outbox")
    shop.databases.rows(
        "order_service",
        "update demo.events set time = time - interval '2 minutes' where id = %s",
        lost,
    )
    shop.put("order-service", "/relay", {"mode": "running"})
    assert shop.put("invoice-service", "/consumer", {"mode": "paused"}).status_code == 200
    late = shop.place_order(user)

    # When it is verified, then what was committed just now is no fault, and the other is
    verdict = run_verify(shop)
    assert (verdict.ok, verdict.drift, verdict.pending, verdict.overdue) == (False, {}, 2, 1)
    assert run_verify(shop, pending_for=0).overdue == 2
    patient = run_verify(shop, pending_for=3600)
    assert (patient.ok, patient.pending, patient.overdue) == (True, 2, 0)

    # And once everything is projected, all is well
    shop.put("invoice-service", "/consumer", {"mode": "running"})
    projected(shop, late)
    run_replay(shop)
    verdict = run_verify(shop, pending_for=0)
    assert (verdict.ok, verdict.pending, verdict.overdue) == (True, 0, 0)


def test_each_write_model_is_the_sum_of_its_log(shop: Shop) -> None:
    # Given users, accounts and orders, of which the tables and the logs agree
    user = customer(shop)
    other = shop.create_user(email=fresh_email()).json()["id"]
    for service, tables in (("user-service", {"users", "accounts"}), ("order-service", {"orders"})):
        folded = shop.get(service, "/verify").json()
        assert {table["table"] for table in folded} == tables
        assert [table["drift"] for table in folded] == [0] * len(tables)
        assert all(table["rows"] > 0 for table in folded)

    # When rows are changed, removed and slipped in behind the services' backs
    order = shop.databases.rows(
        "order_service",
        "update demo.orders set amount = 1 where user_id = %s and amount = 50 returning id",
        user,
    )
    shop.databases.rows("user_service", "delete from demo.users where id = %s", other)
    slipped = (
        "insert into demo.accounts (user_id, address1, city, state, zip, event_id) values "
        "(%s, '', '', '', '', uuidv7()) returning id"
    )
    account = shop.databases.rows("user_service", slipped, user)

    # Then each is found
    [orders] = shop.get("order-service", "/verify").json()
    assert (orders["drift"], orders["differences"]) == (
        1,
        [
            {
                "key": {"id": order[0][0]},
                "kind": "changed",
                "fields": {"amount": {"live": 1.00, "log": 50.00}},
            }
        ],
    )
    users, accounts = shop.get("user-service", "/verify").json()
    assert [(row["key"], row["kind"]) for row in users["differences"]] == [
        ({"id": other}, "missing")
    ]
    assert [(row["key"], row["kind"]) for row in accounts["differences"]] == [
        ({"id": account[0][0]}, "extra")
    ]


def test_damage_done_by_the_workshop_is_found_and_mended(shop: Shop) -> None:
    # Given an invoice of two lines, the newest
    user = customer(shop)

    # When the workshop damages it
    damaged = shop.post("invoice-service", "/damage", {}).json()

    # Then the invoice is served as it is now, and verify names both rows
    assert damaged["user_id"] == user
    assert [line["amount"] for line in shop.invoice(user).json()["orders"]] == [107.25]
    assert run_verify(shop).drift == {"invoice_lines": 2}

    # And a repair brings back what the logs say
    assert run_verify(shop, fix=True).fixed
    assert {line["amount"] for line in shop.invoice(user).json()["orders"]} == {50, 7.25}


def test_nothing_can_be_damaged_without_the_workshop(shop: Shop) -> None:
    with shop.running("invoice-service", workshop=False) as url:
        assert shop.client.post(f"{url}/damage", json={}).status_code == 404
