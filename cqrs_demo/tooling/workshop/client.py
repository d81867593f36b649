"""A running system in a notebook's hands: what the client of its APIs can ask, its tables as
DataFrames, and its broker.

It shows what is there, as it is. What a notebook uses is shop.py, which narrows this to the
notebook's own rows.
"""

import time
from typing import Any

import pandas as pd

from cqrs_demo.client import client
from cqrs_demo.client.errors import NoAnswer, TookTooLong
from cqrs_demo.tooling.runtime.system import RunningSystem
from cqrs_demo.tooling.workshop.broker import SyncBroker
from cqrs_demo.tooling.workshop.tables import Databases

PATIENCE = 30.0
"""Seconds to wait for what takes milliseconds when all is well, before saying that it does not
happen."""


class Client(client.Client):
    """One running system. Databases are written with an underscore ("order_service")."""

    def __init__(self, system: RunningSystem) -> None:
        super().__init__(system.place)
        self.system = system
        self._databases = Databases(system.databases)

    def close(self) -> None:
        super().close()
        self._databases.close()

    def moved(self, system: RunningSystem) -> None:
        """It was started again, and may have other ports."""
        self.system, self.place = system, system.place

    # Tables.

    def table(self, database: str, table: str, *, limit: int | None = None) -> pd.DataFrame:
        """A table of the schema `demo`, ordered by its first column. Read with the rights of the
        service that owns it."""
        return self._databases.read(database, self._databases.select(table, limit))

    def sql(self, database: str, query: str, **parameters: Any) -> pd.DataFrame:
        """What a query finds; parameters are written :name. Raises Refused with what PostgreSQL
        says."""
        return self._databases.read(database, query, **parameters)

    def execute(self, database: str, statement: str, **parameters: Any) -> int:
        """Run a statement and commit; how many rows it concerned. Raises Refused with what
        PostgreSQL says."""
        return self._databases.execute(database, statement, **parameters)

    # The broker.

    def broker(self) -> SyncBroker:
        """A connection of its own; close it. Raises NoAnswer when the system has no broker to
        connect to."""
        if self.system.broker is None:
            raise NoAnswer("the system's broker is not known: it is still starting")
        return SyncBroker(self.system.broker.url)

    def depths(self) -> dict[str, int]:
        """Messages ready in each queue, read from the broker itself. Raises BrokerUnavailable."""
        with self.broker() as broker:
            return broker.depths()

    def wait_until_projected(self, event_id: str, seconds: float = PATIENCE) -> None:
        """Raises TookTooLong."""
        deadline = time.monotonic() + seconds
        while event_id not in self.projected(event_id):
            if time.monotonic() > deadline:
                raise TookTooLong(
                    f"event {event_id} is not projected after {seconds:.0f} s. Is the relay or "
                    "the consumer paused?"
                )
            time.sleep(0.02)
