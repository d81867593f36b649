"""Makes the databases, the roles and the schemas, from the plain SQL in sql/.

Safe to run again (a file is applied once) and from two processes at once (they queue on an advisory
lock). yoyo, the well-kept library that reads plain SQL, guards with a row that a killed process
leaves behind and somebody must then delete; an advisory lock goes with its session. Hence these few
lines.

The superuser owns every table and is used here alone: a service's role can read and append, and
cannot grant itself more.
"""

import time
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

SCHEMAS = {
    "user_service": ("shared", "outbox", "user_service"),
    "order_service": ("shared", "outbox", "order_service"),
    "invoice_service": ("shared", "invoice_service"),
}
"""The folders of sql/ that make up each database, in order."""

ON_REQUEST = {"naive": ("naive",)}
"""Likewise, for a database that is no part of the system and made only when it is asked for."""

_LOCK = 5_318_008  # any number, as long as every migrator uses it


class MigrationError(Exception):
    """A DSN names another role or database than the schema expects. The text says which."""


def migrate(admin_dsn: str, service_dsns: list[str], broker_dsn: str | None = None) -> list[str]:
    """Bring every database to the newest schema.

    `service_dsns` are the DSNs the services will use: database and role of each are made, with the
    password found there. `broker_dsn` likewise, when PGMQ is the broker. Afterwards nobody else can
    connect to any database of the server, unless it was granted to them by name: the server should
    be the shop's own. Returns the names of the files applied now. Raises psycopg.Error,
    MigrationError.
    """
    applied = []
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        admin.execute("select pg_advisory_lock(%s)", [_LOCK])
        for dsn in service_dsns:
            database = _make_database(admin, dsn)
            folders = (SCHEMAS | ON_REQUEST).get(database)
            if folders is None:
                raise MigrationError(
                    f"no schema is kept for a database named {database!r}; known are "
                    f"{', '.join(SCHEMAS)}"
                )
            with psycopg.connect(make_conninfo(admin_dsn, dbname=database)) as connection:
                applied += [f"{database}: {name}" for name in _apply(connection, folders)]
        if broker_dsn is not None:
            _make_database(admin, broker_dsn, owned=True)
            applied += _install_pgmq(broker_dsn)
        _close_the_rest(admin)
    return applied


def _make_database(admin: psycopg.Connection, dsn: str, *, owned: bool = False) -> str:
    """A database that only its own role (and the superuser) can enter."""
    wanted = conninfo_to_dict(dsn)
    database, role = str(wanted.get("dbname")), str(wanted.get("user"))
    if role != database:
        raise MigrationError(
            f"database {database!r} belongs to a role of the same name, but the DSN logs in as "
            f"{role!r}"
        )
    name = sql.Identifier(database)
    if not admin.execute("select 1 from pg_roles where rolname = %s", [role]).fetchone():
        admin.execute(sql.SQL("create role {} login").format(name))
    admin.execute(
        sql.SQL("alter role {} password {}").format(name, sql.Literal(wanted.get("password")))
    )
    if not admin.execute("select 1 from pg_database where datname = %s", [database]).fetchone():
        admin.execute(sql.SQL("create database {}").format(name))
    if owned:
        admin.execute(sql.SQL("alter database {} owner to {}").format(name, name))
    admin.execute(sql.SQL("revoke all on database {} from public").format(name))
    admin.execute(sql.SQL("grant connect on database {} to {}").format(name, name))
    return database


def _close_the_rest(admin: psycopg.Connection) -> None:
    """PostgreSQL lets every role connect to every database, `postgres` and the templates included.
    Here a role enters its own alone. (A database that is cloned or made later must be closed when
    it is made: such rights are not inherited.)"""
    open_to_all = """
        select datname from pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
            as acl
        where acl.grantee = 0 and acl.privilege_type in ('CONNECT', 'TEMPORARY') group by datname"""
    for (name,) in admin.execute(open_to_all).fetchall():
        admin.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))


def _apply(connection: psycopg.Connection, folders: tuple[str, ...]) -> list[str]:
    """Run the files not yet run, all in one transaction."""
    connection.execute("create schema if not exists demo")
    connection.execute(
        "create table if not exists demo.schema_files (name text primary key, applied_at "
        "timestamptz not null default now())"
    )
    done = {name for (name,) in connection.execute("select name from demo.schema_files")}
    applied = []
    for folder in folders:
        for file in sorted(
            (f for f in sql_folder().joinpath(folder).iterdir() if f.name.endswith(".sql")),
            key=lambda f: f.name,
        ):
            name = f"{folder}/{file.name}"
            if name not in done:
                connection.execute(
                    sql.SQL(file.read_text(encoding="utf-8"))
                )  # our own file, not input
                connection.execute("insert into demo.schema_files (name) values (%s)", [name])
                applied.append(name)
    return applied


def _install_pgmq(broker_dsn: str) -> list[str]:
    """PGMQ as its wheel ships it, owned by the broker's role; no extension needed."""
    from pgmq.install import (
        get_embedded_install_sql,
        get_embedded_sql_version,
    )  # late: it brings all of SQLAlchemy with it

    with psycopg.connect(broker_dsn) as connection:
        if connection.execute("select 1 from pg_namespace where nspname = 'pgmq'").fetchone():
            return []
        connection.execute(sql.SQL(get_embedded_install_sql()))  # the wheel's own file
    return [f"broker: pgmq {get_embedded_sql_version()}"]


def sql_folder() -> Traversable:
    """sql/ of the checkout, or the copy the wheel carries."""
    shipped = files("cqrs_demo").joinpath("sql")
    return shipped if shipped.is_dir() else Path(__file__).parents[3] / "sql"


def wait_for_server(admin_dsn: str, seconds: float) -> None:
    """Return once the server lets us in. Raises psycopg.OperationalError, the last refusal, when it
    does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            psycopg.connect(admin_dsn, connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
