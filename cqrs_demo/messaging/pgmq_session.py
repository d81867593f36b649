"""A connection to PGMQ's database of which no call can wait for ever. Next: pgmq.py, which uses
it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo

from cqrs_demo.messaging.broker import BrokerUnavailable

ANSWER = 10.0  # seconds a call may take

_LIMITS = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class Session:
    """One connection, made at the first need. Each use of it is bounded in time, and what fails
    comes out as BrokerUnavailable."""

    def __init__(self, url: str, options: str = "") -> None:
        self._url = url
        self._options = options
        self._connection: AsyncConnection | None = None
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def connection(self, *, reconnect: bool = True) -> AsyncIterator[AsyncConnection]:
        """The connection, for one user at a time. A psycopg.DataError passes: the connection is
        sound, the data was not."""
        async with self._turn:
            try:
                connection = await self._open(reconnect)
                limit = asyncio.get_running_loop().call_later(ANSWER, _cut, connection)
                try:
                    yield connection
                finally:
                    limit.cancel()
            except psycopg.DataError:
                raise
            except psycopg.Error as error:
                await self._drop()
                raise BrokerUnavailable(f"PGMQ: {_cause(error)}") from error
            except BaseException:
                # Cancelled half-way: nobody knows what is still under way on this connection.
                await self._drop()
                raise

    async def _open(self, reconnect: bool) -> AsyncConnection:
        if self._connection is not None and not self._connection.closed:
            return self._connection
        if self._connection is not None and not reconnect:
            raise psycopg.OperationalError("the connection is lost")
        self._connection = await AsyncConnection.connect(
            make_conninfo(
                self._url, application_name="cqrs-demo", options=self._options, **_LIMITS
            ),
            autocommit=True,
        )
        return self._connection

    async def _drop(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def close(self) -> None:
        async with self._turn:
            await self._drop()


def _cut(connection: AsyncConnection) -> None:
    """End a connection that does not answer, so that whoever waits on it fails now. (Cancelling
    would wait for its answer first.)"""
    if not connection.closed:
        line = socket.socket(fileno=connection.pgconn.socket)
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
        line.detach()


def _cause(error: psycopg.Error) -> str:
    said = error.diag.message_primary or " ".join(str(error).split())
    if isinstance(error, psycopg.errors.UndefinedTable) and "pgmq.q_" in said:
        return f"a queue is missing, declare() makes it: {said}"
    if isinstance(
        error,
        psycopg.errors.UndefinedTable
        | psycopg.errors.InvalidSchemaName
        | psycopg.errors.UndefinedFunction,
    ):
        return f"it is not installed in this database, `cqrs-demo migrate` does that: {said}"
    return said
