"""The floor of the outbox: a position at or below which no row is left, and none can appear any
more.

Deleted rows stay in table and index until vacuum removes them, and vacuum may not while some
session holds an old snapshot (a backup, a forgotten transaction). A look that began at the front of
the outbox would step over all of them, every time.

This is not `position > last published`: number 5 may commit after number 6. It is the horizon of
the log (sql/outbox/001_log_and_outbox.sql), which stays below every writer at work:
- The horizon is read BEFORE a look. So a writer that can still add a row at or below it has ended
  by the time of the look, and what it committed is in the look. What it rolled back never comes.
- The look finds the oldest rows. Once ALL of them are published and deleted, nothing at or below
  the horizon is left; or, when the look took only as many as it was allowed, nothing at or below
  the last of them.
- A batch that was confirmed in part, or not at all, leaves the floor where it is. Next: relay.py,
  which looks.
"""

from collections.abc import Sequence
from typing import Any

from cqrs_demo.database import Connection
from cqrs_demo.outbox.feed import HORIZON

EVERY = 1_000  # deleted rows: the horizon costs as much as stepping over about so many


class Floor:
    """One leadership's knowledge. A new leader begins at 0: the database may have been restored in
    between."""

    def __init__(self) -> None:
        self.position = 0
        self._deleted = EVERY  # so that the first look raises it, whatever lies there from earlier
        self._horizon: int | None = None

    async def before_look(self, session: Connection) -> None:
        """Reads the horizon when it is worth it."""
        self._horizon = None
        if self._deleted >= EVERY:
            row = await (await session.execute(HORIZON, prepare=True)).fetchone()
            assert row is not None
            self._horizon = int(row["position"])

    def after_look(self, rows: Sequence[dict[str, Any]], most: int) -> None:
        """A look for at most `most` rows found these, and all of them are published and deleted."""
        self._deleted += len(rows)
        if self._horizon is not None and most > 0:
            self.position = (
                self._horizon if len(rows) < most else min(self._horizon, int(rows[-1]["sequence"]))
            )
            self._deleted = 0
