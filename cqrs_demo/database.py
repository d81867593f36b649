"""Connections of the services: a pool that notices dead ones, and no call that can wait for
ever."""

import socket
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

Connection = AsyncConnection[DictRow]
Pool = AsyncConnectionPool[Connection]

AWAY = (
    psycopg.OperationalError,
    # we were frozen for so long that the server ended the session
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.ReadOnlySqlTransaction,  # the server is a standby, until it is promoted
    PoolTimeout,
    TooManyRequests,
    OSError,
    TimeoutError,
)
"""What passes by itself: no connection, a deadlock, a full disk. Any other error is about what was
asked."""

OPTIONS: dict[str, Any] = {
    # one statement is one transaction; where it takes several, the code says so
    "autocommit": True,
    "row_factory": dict_row,
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    # In UTC, so that no answer shows the zone of the machine the database happens to run on. A
    # process that freezes in the middle of a transaction does not keep the others from its rows for
    # longer than ten seconds.
    "options": "-c statement_timeout=15s -c lock_timeout=5s -c "
    "idle_in_transaction_session_timeout=10s -c search_path=demo -c timezone=UTC",
}


def pool_for(dsn: str, name: str, size: int = 8) -> Pool:
    """A pool, not yet open. Whoever finds no connection within 5 s gets PoolTimeout, and more than
    5,000 in line TooManyRequests."""
    return AsyncConnectionPool(
        dsn,
        kwargs={**OPTIONS, "application_name": name},
        connection_class=AsyncConnection[DictRow],
        min_size=2,
        max_size=size,
        max_waiting=5_000,
        timeout=5,
        open=False,
        check=_check,
        reconnect_timeout=0,
        name=name,
    )


async def _check(connection: Connection) -> None:
    """A server that goes away hangs up, and that can be seen on the socket. Asking it ("select 1",
    as the pool does by itself) would cost each commit a second round trip. Raises
    psycopg.OperationalError."""
    if _has_something_to_say(connection.fileno()):
        await AsyncConnectionPool.check_connection(connection)


def _has_something_to_say(line: int) -> bool:
    """Whether there is anything to read, the end included, although nothing was asked."""
    peeking = socket.socket(fileno=line)
    try:
        peeking.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        peeking.detach()
    return True


async def connect(dsn: str, name: str, idle: int = 0) -> Connection:
    """One session of its own, for whoever holds a lock on it. The server ends it when nothing is
    asked for `idle` seconds (0: it does not), so that nobody who froze, or whose line is dead,
    holds the lock for ever. Raises psycopg.OperationalError."""
    options = f"{OPTIONS['options']} -c idle_session_timeout={idle}s"
    return await AsyncConnection[DictRow].connect(
        dsn, **{**OPTIONS, "application_name": name, "options": options}
    )
