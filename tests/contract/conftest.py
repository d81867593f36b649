"""What the contract tests hold in hand: a declared broker, and the server behind it to pull strings
at."""

import logging
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Protocol

import aiormq
import psutil
import psycopg
import pytest

from cqrs_demo.messaging.broker import INVOICE_SERVICE, Broker
from cqrs_demo.messaging.connect import broker_for
from cqrs_demo.messaging.queues import EXCHANGE
from cqrs_demo.tooling.runtime.migrations import migrate
from cqrs_demo.tooling.runtime.ports import free_port
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from cqrs_demo.tooling.runtime.rabbitmq_node import RabbitNode
from tests.fixtures.brokers import BROKERS, need_rabbitmq


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The event loop that uvicorn runs the services on."""
    return "asyncio", {"use_uvloop": sys.platform != "win32"}


@pytest.fixture(autouse=True)
def nothing_fails_unseen(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """asyncio logs what it cannot raise: an exception nobody looked at, a task nobody ended. That
    fails the test."""
    yield
    complaints = [
        record.getMessage()
        for record in caplog.records
        if record.name == "asyncio" and record.levelno >= logging.ERROR
    ]
    assert complaints == []


@pytest.fixture
async def broker(broker_url: str) -> AsyncIterator[Broker]:
    broker = broker_for(broker_url)
    await broker.declare(INVOICE_SERVICE)
    yield broker
    await broker.close()


class Server(Protocol):
    """The broker's own side."""

    async def delete_queue(self, name: str) -> None: ...
    async def unbind(self, name: str) -> None: ...
    async def end_connections(self) -> None: ...


@pytest.fixture
def server(request: pytest.FixtureRequest, broker_url: str) -> Server:
    if broker_url.startswith("amqp"):
        return RabbitServer(request.getfixturevalue("rabbit_node"))
    return PgmqServer(broker_url)


class RabbitServer:
    def __init__(self, node: RabbitNode) -> None:
        self._node = node

    async def delete_queue(self, name: str) -> None:
        async with aiormq.connect(self._node.url()) as connection:
            await (await connection.channel()).queue_delete(name)

    async def unbind(self, name: str) -> None:
        async with aiormq.connect(self._node.url()) as connection:
            await (await connection.channel()).queue_unbind(name, EXCHANGE, f"{name}.*")

    async def end_connections(self) -> None:
        self._node.control("close_all_connections", "the test asked for it")


class PgmqServer:
    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def _do(self, statement: str, *parameters: str) -> None:
        async with await psycopg.AsyncConnection.connect(self._dsn, autocommit=True) as connection:
            await connection.execute(statement, parameters)

    async def delete_queue(self, name: str) -> None:
        await self._do("select pgmq.drop_queue(%s)", name)

    async def unbind(self, name: str) -> None:
        await self._do("select pgmq.unbind_topic(%s, %s)", f"{name}.*", name)

    async def end_connections(self) -> None:
        await self._do(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = "
            "current_database() and pid <> pg_backend_pid()"
        )


class OwnServer(Protocol):
    """A broker that a test may stop and freeze."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def url(self) -> str: ...


class OwnPostgres:
    """PostgreSQL with PGMQ in it, on a port it keeps."""

    def __init__(self, folder: Path) -> None:
        self._postgres = EmbeddedPostgres(folder)
        self._port = free_port()

    def start(self) -> None:
        self._postgres.start(self._port)
        migrate(self._postgres.dsn(), [], self.url())

    def stop(self) -> None:
        self._postgres.stop()

    def url(self) -> str:
        return f"postgresql://broker:test@127.0.0.1:{self._port}/broker"

    def pause(self) -> None:
        for process in self._processes():
            process.suspend()

    def resume(self) -> None:
        for process in self._processes():
            process.resume()

    def _processes(self) -> list[psutil.Process]:
        pid = self._postgres.pid()
        assert pid is not None, "PostgreSQL is not running"
        return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]


@pytest.fixture(scope="module", params=BROKERS)
def own_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OwnServer]:
    """One for the module's tests alone; each leaves it running."""
    folder = tmp_path_factory.mktemp(f"own-{request.param}")
    if request.param == "rabbitmq":
        need_rabbitmq()
    server: OwnServer = RabbitNode(folder) if request.param == "rabbitmq" else OwnPostgres(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
