import pytest
from cqrs_demo.runtime.postgres import EmbeddedPostgres
from tests.fixtures.shop import cloned_databases


@pytest.fixture
def broker_url(migrated):
    with cloned_databases(migrated, "broker") as b:
        yield b.dsn["broker"]
