"""The write side: state, event and outbox row together or not at all, and roles that can do what
their service does and no more."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import make_conninfo

from cqrs_demo.outbox.relay import FETCH
from cqrs_demo.tooling.runtime.migrations import SCHEMAS, migrate
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from tests.fixtures.answers import assert_problem
from tests.fixtures.shared_shop import fresh_email
from tests.fixtures.shop import Databases, Shop, eventually

COMMAND_SERVICES = {"user_service": ("users", "accounts"), "order_service": ("orders",)}


@contextmanager
def failing(shop: Shop, database: str, table: str, condition: str = "true") -> Iterator[None]:
    """Inside the database, inserts into this table fail where the condition holds for the new
    row."""
    rows = shop.databases.rows
    rows(
        database,
        "create function public.fail() returns trigger language plpgsql as $$ begin raise 'no "
        "room for %%', new; end $$",
    )
    rows(
        database,
        f"create trigger fail before insert on demo.{table} for each row when ({condition}) "
        "execute function public.fail()",
    )
    try:
        yield
    finally:
        rows(database, "drop function public.fail() cascade")


def everything(shop: Shop, database: str) -> list[tuple[int, ...]]:
    """How many rows each table of the write side holds."""
    tables = (*COMMAND_SERVICES[database], "events", "outbox")
    return shop.databases.rows(
        database, "select " + ", ".join(f"(select count(*) from demo.{table})" for table in tables)
    )


@pytest.fixture
def paused(shared_shop: Shop) -> Iterator[Shop]:
    """The shop with its relays at rest, so that outbox rows stay to be counted."""
    for service in ("user-service", "order-service"):
        assert shared_shop.put(service, "/relay", {"mode": "paused"}).status_code == 200
    yield shared_shop
    for service in ("user-service", "order-service"):
        shared_shop.put(service, "/relay", {"mode": "running"})


@pytest.mark.parametrize("what", ["users", "accounts", "orders"])
@pytest.mark.parametrize("step", ["state", "events", "outbox"])
def test_when_one_of_the_three_rows_cannot_be_written_none_is(
    paused: Shop, what: str, step: str
) -> None:
    # Given a database that refuses one of the three inserts of a command
    database = "order_service" if what == "orders" else "user_service"
    user_id = paused.create_user("Alice", fresh_email()).json()["id"]
    before = everything(paused, database)
    with failing(paused, database, what if step == "state" else step):
        # When the command comes
        answer = {
            "users": lambda: paused.create_user("Bob", fresh_email()),
            "accounts": lambda: paused.create_account(user_id),
            "orders": lambda: paused.place_order(user_id),
        }[what]()

    # Then it is answered with a clean problem that shows nothing of the inside
    assert_problem(answer, 500, "internal-error")
    assert "no room" not in answer.text

    # and no table has a row more
    assert everything(paused, database) == before


def test_a_command_that_was_accepted_has_written_all_three_rows(paused: Shop) -> None:
    before = everything(paused, "order_service")
    assert paused.place_order(1).status_code == 201
    assert everything(paused, "order_service") == [tuple(count + 1 for count in before[0])]


def test_in_a_group_commit_only_the_command_at_fault_fails(paused: Shop) -> None:
    # Given a database that refuses one kind of order, and commits that are made to wait until all
    # commands have come
    before = everything(paused, "order_service")
    with (
        failing(paused, "order_service", "orders", "new.description like 'bad%%'"),
        psycopg.connect(paused.databases.admin["order_service"]) as blocker,
        ThreadPoolExecutor(40) as pool,
    ):
        blocker.execute("lock table demo.orders in exclusive mode")
        # When forty orders come at once, four of them of that kind
        names = [f"{'bad' if number % 10 == 0 else 'good'} {number}" for number in range(40)]
        futures = [pool.submit(paused.place_order, 1, what=name) for name in names]
        waiting = (
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and "
            "application_name = 'order-service'"
        )
        eventually(lambda: paused.databases.rows("order_service", waiting) >= [(1,)])
        blocker.rollback()
        answers = dict(zip(names, (future.result() for future in futures), strict=True))

    # Then those four failed and the others stand, each with its event
    assert {name for name, answer in answers.items() if answer.status_code == 500} == {
        name for name in names if "bad" in name
    }
    assert {answer.status_code for name, answer in answers.items() if "good" in name} == {201}
    assert everything(paused, "order_service") == [tuple(count + 36 for count in before[0])]


def test_orders_that_come_together_share_commits_and_keep_one_event_each(shared_shop: Shop) -> None:
    with ThreadPoolExecutor(30) as pool:
        answers = list(
            pool.map(
                lambda number: shared_shop.place_order(1, number + 1, what="shared"), range(120)
            )
        )
    orders = shared_shop.databases.rows(
        "order_service",
        "select count(*), count(distinct e.id), count(distinct e.sequence) from demo.orders o "
        "join demo.events e on e.id = o.event_id"
        " and e.subject = o.id::text and (e.data ->> 'amount')::numeric = o.amount where "
        "o.description = 'shared'",
    )
    assert orders == [(120, 120, 120)]
    assert len({answer.headers["x-event-id"] for answer in answers}) == 120


def test_the_relay_reads_no_more_of_the_log_than_it_publishes(databases: Databases) -> None:
    # Given a long log, of which the last half is not published
    databases.rows(
        "order_service",
        "with event as (insert into demo.events (id, type, subject, data)"
        " select uuidv7(), 'order.created', n::text, '{}' from generate_series(1, 40000) as n "
        "returning sequence, id)"
        " insert into demo.outbox (sequence, event_id) select sequence, id from event where "
        "sequence > 20000",
    )

    # When the relay asks for the oldest hundred
    [[[explained]]] = databases.rows(
        "order_service", "explain (analyze, format json) " + FETCH, 0, 100
    )

    # Then only their events were looked at
    [log] = [node for node in nodes(explained["Plan"]) if node.get("Relation Name") == "events"]
    assert log["Actual Rows"] * log["Actual Loops"] == 100


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


@pytest.mark.parametrize("database", COMMAND_SERVICES)
@pytest.mark.parametrize(
    "statement",
    [
        "update demo.events set data = '{}'",
        "delete from demo.events",
        "truncate demo.events",
        "alter table demo.events disable trigger all",
        "drop table demo.events",
        "alter table demo.events owner to current_user",
        "create table demo.mine ()",
        "create function demo.mine() returns int language sql return 1",
        "create or replace function demo.note_writer() returns trigger language plpgsql as $$ "
        "begin return null; end $$",
        "create table public.mine ()",
        "create schema mine",
        "create temporary table mine ()",
        "update demo.outbox set event_id = uuidv7()",
        "insert into demo.schema_files (name) values ('mine')",
        "delete from demo.schema_files",
        "select setval('demo.events_sequence_seq', 1)",
        "create role mine",
        "create database mine",
        "alter role current_user superuser",
        "set role postgres",
        "copy demo.events to program 'cat'",
        "select pg_read_file('/etc/passwd')",
    ],
)
def test_a_services_role_cannot_rewrite_history_or_give_itself_more(
    migrated: EmbeddedPostgres, database: str, statement: str
) -> None:
    # On the databases as the migration made them: a clone has other rights on the database itself.
    # "must be owner" and "permission denied" have the same code.
    with (
        psycopg.connect(dsn_of(migrated, database, database), autocommit=True) as connection,
        pytest.raises(errors.InsufficientPrivilege, match=r"permission denied|must be owner"),
    ):
        connection.execute(statement)  # type: ignore[call-overload]  # plain text on purpose


@pytest.mark.parametrize("database", COMMAND_SERVICES)
def test_a_role_that_tries_to_grant_itself_more_has_no_more(
    migrated: EmbeddedPostgres, database: str
) -> None:
    # PostgreSQL answers such a grant with a warning, or with an error where nothing at all could be
    # granted.
    before = granted(migrated, database)
    with psycopg.connect(dsn_of(migrated, database, database), autocommit=True) as connection:
        for receiver in (database, "public", "invoice_service"):
            with suppress(errors.InsufficientPrivilege):
                connection.execute(f"grant all on all tables in schema demo to {receiver}")  # type: ignore[call-overload]
        with pytest.raises(errors.InsufficientPrivilege, match="permission denied"):
            connection.execute("update demo.events set data = '{}'")
    assert granted(migrated, database) == before


def dsn_of(server: EmbeddedPostgres, role: str, database: str) -> str:
    return make_conninfo(server.dsn(), user=role, password="test", dbname=database)


@pytest.mark.parametrize("role", [*SCHEMAS, "broker"])
def test_the_catalogue_lets_a_role_enter_its_own_database_only(
    migrated: EmbeddedPostgres, databases: Databases, role: str
) -> None:
    # Given a server with PostgreSQL's own databases, the shop's, and the copies that tests run on,
    # named after what they copy
    with psycopg.connect(migrated.dsn()) as admin:
        rows = admin.execute(
            "select datname, has_database_privilege(%s, oid, 'connect') from pg_database", [role]
        ).fetchall()
    assert {"postgres", "template0", "template1", *SCHEMAS, "broker"} < {name for name, _ in rows}
    # Then a role may enter what has its name
    assert {name for name, allowed in rows if allowed} == {
        name for name, _ in rows if name.startswith(role)
    }


@pytest.mark.parametrize("role", [*SCHEMAS, "broker"])
def test_a_role_can_enter_its_own_database_only(migrated: EmbeddedPostgres, role: str) -> None:
    for database in (*SCHEMAS, "broker", "postgres", "template1"):
        if database == role:
            psycopg.connect(dsn_of(migrated, role, database)).close()
        else:
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                psycopg.connect(dsn_of(migrated, role, database))


READ_AND_APPEND = {"INSERT", "SELECT"}
QUEUE = {"INSERT", "SELECT", "DELETE"}
REWRITE = {"INSERT", "SELECT", "UPDATE", "DELETE"}  # a read model may be built anew
CHANGE = {"INSERT", "SELECT", "UPDATE"}
INBOX = {
    "processed_events": READ_AND_APPEND,
    "dead_letters": CHANGE,
    "attempts": REWRITE,
}
NEEDED = {
    "user_service": {
        **dict.fromkeys(("users", "accounts", "events"), READ_AND_APPEND),
        "outbox": QUEUE,
        "log_identity": {"SELECT"},
    },
    "order_service": {
        # Of an order and its saga it may change what becomes of them: column by column.
        **dict.fromkeys(("orders", "order_sagas", "cancel_keys", "events"), READ_AND_APPEND),
        "outbox": QUEUE,
        "log_identity": {"SELECT"},
        **INBOX,
    },
    "payment_service": {
        **dict.fromkeys(("credits", "reservations"), CHANGE),
        **dict.fromkeys(("credit_limits", "events"), READ_AND_APPEND),
        "outbox": QUEUE,
        "log_identity": {"SELECT"},
        **INBOX,
    },
    "invoice_service": {
        **dict.fromkeys(
            (
                "invoice_account",
                "invoices",
                "invoice_lines",
                "user_history",
                "address_history",
                "customer_revenue",
                "revenue_orders",
            ),
            REWRITE,
        ),
        **dict.fromkeys(("processed_events", "handling_attempts", "attempts"), REWRITE),
        "dead_letters": {"INSERT", "SELECT", "UPDATE"},
        "read_model": {"SELECT"},
        "known_logs": {"INSERT", "SELECT", "UPDATE"},
    },
}


def granted(server: EmbeddedPostgres, database: str) -> dict[str, set[str]]:
    """Every right on a table or view in schema demo that the service's role has, by itself or
    through PUBLIC."""
    with psycopg.connect(make_conninfo(server.dsn(), dbname=database)) as connection:
        rows = connection.execute(
            "select table_name, privilege_type from information_schema.role_table_grants"
            " where table_schema = 'demo' and grantee in (%s, 'PUBLIC')",
            [database],
        ).fetchall()
    rights: dict[str, set[str]] = {}
    for table, right in rows:
        rights.setdefault(table, set()).add(right)
    return rights


@pytest.mark.parametrize("database", NEEDED)
def test_a_services_rights_are_exactly_what_it_needs(
    migrated: EmbeddedPostgres, database: str
) -> None:
    assert granted(migrated, database) == NEEDED[database]


@pytest.mark.parametrize("role", [*SCHEMAS, "broker"])
def test_a_services_role_has_no_attribute_beyond_login_and_is_nobodys_member(
    migrated: EmbeddedPostgres, role: str
) -> None:
    with psycopg.connect(migrated.dsn()) as connection:
        [attributes] = connection.execute(
            "select rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication,"
            " rolbypassrls from pg_roles where rolname = %s",
            [role],
        ).fetchall()
        memberships = connection.execute(
            "select from pg_auth_members where member = %s::regrole", [role]
        ).fetchall()
    assert attributes == (True, False, False, False, False, False)
    assert memberships == []


def test_migrations_can_be_applied_again(migrated: EmbeddedPostgres) -> None:
    names = [*SCHEMAS, "broker"]
    dsns = [dsn_of(migrated, name, name) for name in names]
    assert migrate(migrated.dsn(), dsns[:-1], dsns[-1]) == []


def test_two_migrations_at_once_apply_each_file_once(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    # Given a server that knows nothing of the shop
    server = EmbeddedPostgres(tmp_path_factory.mktemp("fresh") / "postgres")
    server.start()
    try:
        names = [*SCHEMAS, "broker"]
        dsns = [dsn_of(server, name, name) for name in names]
        together = threading.Barrier(3)

        def run(_: int) -> list[str]:
            together.wait()
            return migrate(server.dsn(), dsns[:-1], dsns[-1])

        # When three migrations start at the same moment
        with ThreadPoolExecutor(3) as pool:
            applied = list(pool.map(run, range(3)))

        # Then one of them applied everything and the others found nothing to do
        assert sorted(map(bool, applied)) == [False, False, True]
        [files] = filter(None, applied)
        assert len(files) == len(set(files))
        databases = Databases(
            admin={name: make_conninfo(server.dsn(), dbname=name) for name in names}
        )
        for name in SCHEMAS:
            assert databases.rows(name, "select count(*) from demo.schema_files") == [
                (sum(f.startswith(f"{name}: ") for f in files),)
            ]
    finally:
        server.stop()
