"""A row of the read model held by somebody else: the consumer's transaction that needs it has
begun, and waits. So a notebook can kill a consumer in mid-transaction, every time."""

import time
from typing import ClassVar

import psycopg

from cqrs_demo.client.errors import TookTooLong

PATIENCE = 30.0

LOCK = "select from demo.invoice_account where user_id = %s for update"

# Another session of our own role that waits for a lock.
WAITS = """
select exists (
    select from pg_stat_activity
    where datname = current_database() and usename = current_user and wait_event_type = 'Lock'
)
"""


class RowLock:
    """What the projection knows of a user, locked until release()."""

    _held: ClassVar["list[RowLock]"] = []

    def __init__(self, dsn: str, user_id: int) -> None:
        self._connection = psycopg.connect(dsn)
        self._connection.execute(LOCK, [user_id])
        self._dsn = dsn
        RowLock._held.append(self)

    def wait_for_another(self, seconds: float = PATIENCE) -> None:
        """Until a transaction waits for this row. Raises TookTooLong."""
        deadline = time.monotonic() + seconds
        with psycopg.connect(self._dsn, autocommit=True) as onlooker:
            while True:
                row = onlooker.execute(WAITS).fetchone()
                if row is not None and row[0]:
                    return
                if time.monotonic() > deadline:
                    raise TookTooLong("no transaction waits for the row. Is the consumer paused?")
                time.sleep(0.02)

    def release(self) -> None:
        """Harmless when it was released before."""
        self._connection.close()
        if self in RowLock._held:
            RowLock._held.remove(self)

    @classmethod
    def release_all(cls) -> None:
        """Those of cells that were never finished."""
        for lock in list(cls._held):
            lock.release()
