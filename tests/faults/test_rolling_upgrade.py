"""An upgrade under load: the services of an earlier version beside those of this one, on the same
databases and broker, replaced one after the other."""

import asyncio
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from psycopg.conninfo import make_conninfo

from cqrs_demo.tooling.hazards.wire import HOST
from cqrs_demo.tooling.runtime.migrations import SCHEMAS, migrate
from tests.faults.conftest import Shops, emptied
from tests.faults.processes import Postgres, Service
from tests.faults.shop import DATABASE, BrokerServer, FaultyShop
from tests.fixtures.shop import Databases

ROOT = Path(__file__).parents[2]
BASELINE = "874de61"
"""The version that is upgraded from: the last one that was released before the package was laid out
anew."""

MIGRATE = """
import sys
from cqrs_demo.runtime.migrations import migrate
admin, *services = sys.argv[1:]
migrate(admin, services)
"""


@pytest.fixture(scope="session")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The earlier version's code, out of the repository's history."""
    archive = subprocess.run(
        ["git", "archive", BASELINE, "cqrs_demo", "sql"], cwd=ROOT, capture_output=True
    )
    if archive.returncode != 0:
        if os.environ.get("CI") == "true":
            pytest.fail(f"the history has no {BASELINE}, and CI is where this test must run")
        pytest.skip(f"the history has no {BASELINE}: this is a shallow clone, or no clone")
    folder = tmp_path_factory.mktemp("earlier")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


@pytest.fixture
def databases(earlier: Path, tmp_path: Path) -> Iterator[tuple[Postgres, Databases]]:
    """A server with the databases as the earlier version made them."""
    server = Postgres(tmp_path / "postgres")
    server.start()
    try:
        found = Databases()
        for name in SCHEMAS:
            found.dsn[name] = f"postgresql://{name}:test@{HOST}:{server.port}/{name}"
            found.admin[name] = make_conninfo(server.embedded.dsn(), dbname=name)
        run = [sys.executable, "-P", "-c", MIGRATE, server.embedded.dsn(), *found.dsn.values()]
        subprocess.run(run, env={**os.environ, "PYTHONPATH": str(earlier)}, check=True)
        yield server, found
    finally:
        server.stop()


def test_each_service_is_replaced_under_load_and_nothing_is_lost_or_doubled(
    earlier: Path,
    databases: tuple[Postgres, Databases],
    own_broker: tuple[BrokerServer, str],
    shops: Shops,
    tmp_path: Path,
) -> None:
    # Given a shop of the earlier version, with orders coming in
    (server, found), (broker, url) = databases, own_broker
    shops.discard()  # or its consumer would take what is published here
    asyncio.run(emptied(url))
    shop = FaultyShop(found, server, broker, url, tmp_path)
    new = {name: shop[name] for name in DATABASE}
    shop.services = {name: [_of(earlier, shop.copy_of(name))] for name in DATABASE}
    shop.client._services = shop.services
    try:
        shop.open()
        assert not any(_is_of_today(service) for [service] in shop.services.values())
        with shop.reading(), shop.load(rate=60):
            shop.after_orders(30)
            # When the schemas are brought up to date while the old services run
            migrate(server.embedded.dsn(), list(found.dsn.values()))
            shop.after_orders(30)
            # And each service is replaced, its two versions side by side for a moment
            for name in ("invoice-service", "order-service", "user-service"):
                [old] = shop.services[name]
                shop.services[name] = [old, new[name].start()]
                assert _is_of_today(new[name])
                shop.after_orders(30)
                assert old.terminate(10) == 0
                shop.services[name] = [new[name]]
                shop.after_orders(30)
        # Then
        shop.assert_nothing_lost_nothing_doubled()
    finally:
        shop.close()


def _of(earlier: Path, service: Service) -> Service:
    """The same service, run by the earlier version's code."""
    service.environment["PYTHONPATH"] = str(earlier)
    return service


def _is_of_today(service: Service) -> bool:
    """Whether it has a route that the earlier version has not: or this test would prove nothing."""
    return httpx.get(f"{service.url}/healthcheck/live", timeout=10).status_code == 200
