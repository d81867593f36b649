"""A shop to be broken, on each broker. It is shared while tests leave it sound, and made anew after
one that failed."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from cqrs_demo.tooling.hazards.wire import HOST
from cqrs_demo.tooling.runtime.migrations import SCHEMAS, migrate
from cqrs_demo.tooling.runtime.rabbitmq_node import RabbitNode
from tests.faults.processes import Postgres
from tests.faults.shop import BrokerServer, FaultyShop
from tests.fixtures.brokers import BROKERS, need_rabbitmq, sweep
from tests.fixtures.shop import Databases


@pytest.fixture(scope="session")
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """The services' databases, apart from the broker's: so that each can be away while the other is
    there."""
    server = Postgres(tmp_path_factory.mktemp("own-postgres"))
    try:
        server.start()
        dsns = [
            make_conninfo(server.embedded.dsn(), user=name, password="test", dbname=name)
            for name in SCHEMAS
        ]
        migrate(server.embedded.dsn(), dsns)
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session", params=BROKERS)
def own_broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[BrokerServer, str]]:
    """A broker to be stopped, frozen and killed, and its URL."""
    folder = tmp_path_factory.mktemp(f"own-{request.param}")
    if request.param == "rabbitmq":
        need_rabbitmq()
        node = RabbitNode(folder)
        try:
            node.start()
            yield node, node.url()
        finally:
            node.stop()
    else:
        server = Postgres(folder)
        url = f"postgresql://broker:test@127.0.0.1:{server.port}/broker"
        try:
            server.start()
            migrate(server.embedded.dsn(), [], url)
            yield server, url
        finally:
            server.stop()


@contextmanager
def copied_databases(server: Postgres) -> Iterator[Databases]:
    """As cloned_databases() makes them; but no session is held, since the server may be killed
    meanwhile."""
    databases, suffix = Databases(), uuid4().hex[:6]
    with psycopg.connect(server.embedded.dsn(), autocommit=True) as admin:
        for name in SCHEMAS:
            admin.execute(f"create database {name}_{suffix} template {name}")
            admin.execute(f"grant connect on database {name}_{suffix} to {name}")
            databases.admin[name] = make_conninfo(server.embedded.dsn(), dbname=f"{name}_{suffix}")
            databases.dsn[name] = f"postgresql://{name}:test@{HOST}:{server.port}/{name}_{suffix}"
    yield databases
    with psycopg.connect(server.embedded.dsn(), autocommit=True) as admin:
        for name in SCHEMAS:
            admin.execute(f"drop database {name}_{suffix} with (force)")


async def emptied(url: str) -> None:
    """The broker as new."""
    if url.startswith("amqp"):
        await sweep(url)
    else:
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await connection.execute("select pgmq.drop_queue(queue_name) from pgmq.list_queues()")


class Shops:
    """At most one shop at a time."""

    def __init__(self, postgres: Postgres, broker: tuple[BrokerServer, str], folder: Path) -> None:
        self._postgres, self._broker, self._folder = postgres, broker, folder
        self._stack = ExitStack()
        self._shop: FaultyShop | None = None

    def get(self) -> FaultyShop:
        if self._shop is None:
            databases = self._stack.enter_context(copied_databases(self._postgres))
            server, url = self._broker
            asyncio.run(emptied(url))
            self._shop = FaultyShop(databases, self._postgres, server, url, self._folder)
            self._stack.callback(self._shop.close)
            self._shop.open()
        return self._shop

    def discard(self) -> None:
        self._stack.close()
        self._shop = None


@pytest.fixture(scope="session")
def shops(
    own_postgres: Postgres,
    own_broker: tuple[BrokerServer, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Shops]:
    shops = Shops(own_postgres, own_broker, tmp_path_factory.mktemp("services"))
    yield shops
    shops.discard()


@pytest.fixture
def shop(request: pytest.FixtureRequest, shops: Shops) -> Iterator[FaultyShop]:
    """Three services that run and are well, with a few users. What a test broke on purpose is
    mended after it."""
    failed = request.session.testsfailed
    shop = shops.get()
    yield shop
    if request.session.testsfailed > failed:
        shops.discard()
    else:
        shop.mend()
