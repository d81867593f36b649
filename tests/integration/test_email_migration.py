"""The rule for emails became stricter: what a database does that was filled under the old one."""

import psycopg
import pytest

from cqrs_demo.tooling.runtime import migrations
from tests.fixtures.shop import Databases

FILE = "user_service/002_email_without_regard_to_case.sql"
USER = "insert into demo.users (name, email, event_id) values ('Alice', %s, uuidv7())"


def migrate(databases: Databases) -> list[str]:
    with psycopg.connect(databases.admin["user_service"]) as connection:
        return migrations._apply(connection, migrations.SCHEMAS["user_service"])


@pytest.fixture
def old(databases: Databases) -> Databases:
    """user-service's database as it was, with two users who are one by the new rule."""
    for statement in (
        f"delete from demo.schema_files where name = '{FILE}'",
        "drop index demo.users_email_key",
        "create unique index users_email_key on demo.users (lower(email))",
    ):
        databases.rows("user_service", statement)
    for email in ("ας@demo.com", "ασ@demo.com", "alice@demo.com"):
        databases.rows("user_service", USER, email)
    return databases


def test_users_who_are_one_by_the_new_rule_stop_the_migration_and_are_named(old: Databases) -> None:
    # When the database is migrated
    with pytest.raises(psycopg.Error) as refused:
        migrate(old)

    # Then it says who is in the way and what to do, and nothing has changed
    assert "users 1, 2" in str(refused.value)
    assert "Give all but one of each another email" in str(refused.value)
    [(definition,)] = old.rows(
        "user_service", "select pg_get_indexdef('demo.users_email_key'::regclass)"
    )
    assert "lower(email)" in definition

    # And once they have emails of their own, the new rule holds
    old.rows("user_service", "update demo.users set email = 'other@demo.com' where id = 2")
    assert migrate(old) == [FILE]
    with pytest.raises(psycopg.errors.UniqueViolation):
        old.rows("user_service", USER, "ΑΣ@demo.com")
