"""The services' databases, read as DataFrames through SQLAlchemy, each with its own service's role
and rights."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from cqrs_demo.client.errors import Refused
from cqrs_demo.exact_json import dumps, loads


class Databases:
    """Engines by database name. No connection is kept: a database may be stopped and started again
    at any time."""

    def __init__(self, dsns: Mapping[str, str]) -> None:
        self._dsns = dsns
        self._engines: dict[str, Engine] = {}

    def engine(self, database: str) -> Engine:
        database = database.replace("-", "_")
        if database not in self._dsns:
            raise Refused(f"there is no database {database!r}; there are {', '.join(self._dsns)}")
        if database not in self._engines:
            url = self._dsns[database].replace("postgresql://", "postgresql+psycopg://", 1)
            self._engines[database] = create_engine(
                url,
                poolclass=NullPool,
                json_deserializer=loads,
                connect_args={"options": "-c search_path=demo -c timezone=UTC"},
            )
        return self._engines[database]

    def read(self, database: str, query: str, **parameters: Any) -> pd.DataFrame:
        """Values as Python has them: numerics are Decimal, also inside jsonb, nulls are None.
        Raises Refused with what PostgreSQL says."""
        try:
            with self.engine(database).connect() as connection:
                frame = pd.read_sql(
                    text(query), connection, params=parameters, coerce_float=False, dtype=object
                )
        except (DBAPIError, pd.errors.DatabaseError) as error:
            raise Refused(_said(error)) from None
        return frame

    def execute(self, database: str, statement: str, **parameters: Any) -> int:
        """Commits. Raises Refused with what PostgreSQL says."""
        try:
            with self.engine(database).begin() as connection:
                return int(connection.execute(text(statement), parameters).rowcount)
        except DBAPIError as error:
            raise Refused(_said(error)) from None

    def select(self, table: str, limit: int | None) -> str:
        """Raises Refused for a name that is none."""
        if not table.isidentifier():
            raise Refused(f"{table!r} is no table's name")
        return f"select * from demo.{table} order by 1" + (f" limit {limit}" if limit else "")  # noqa: S608  # checked above

    def close(self) -> None:
        for engine in self._engines.values():
            engine.dispose()


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """For looking at: instants as they are on the wire, ids as text, None for null, no numbering of
    the rows."""
    shown = pd.DataFrame(
        {name: [_cell(value) for value in frame[name]] for name in frame.columns}, dtype=object
    )
    shown.index = pd.Index([""] * len(shown))
    return shown


def _cell(value: Any) -> Any:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    if isinstance(value, float):
        return int(value)  # pandas makes floats of integers among which a null is
    if isinstance(value, dict):
        return dumps(value).decode()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value if isinstance(value, int | str) else str(value)


def _said(error: Exception) -> str:
    """The first line of what the server said, without the statement."""
    cause = (
        error if isinstance(error, DBAPIError) else error.__cause__
    )  # pandas wraps what SQLAlchemy has wrapped
    return str(getattr(cause, "orig", error)).splitlines()[0]
