"""Retries are safe: the Idempotency-Key of a request is stored on the row it made, in the same
insert.

A second request with the key therefore cannot make a second row: the unique index refuses it,
whether it comes an hour later or at the same moment to another process, and the first answer is
read back from the row. A command that was refused made no row, so it is simply tried again.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from psycopg import sql
from pydantic import BaseModel

from cqrs_demo.database import Pool
from cqrs_demo.errors import Invalid


class KeyReused(Invalid):
    code = "idempotency-key-reused"

    def __init__(self) -> None:
        super().__init__(
            "this Idempotency-Key came with another body before; use a new key for a new command"
        )


@dataclass(frozen=True, slots=True)
class Accepted:
    """A command that was carried out, now or (`replayed`) by an earlier request with the same
    key."""

    row: dict[str, Any]
    replayed: bool = False


def retry_columns(command: BaseModel, key: str | None) -> dict[str, Any]:
    """What a state row keeps of its request: the key, and a SHA-256 of what was asked for."""
    if key is None:
        return {}
    return {"idempotency_key": key, "request_hash": fingerprint(command)}


def fingerprint(command: BaseModel) -> str:
    return sha256(command.model_dump_json().encode()).hexdigest()


async def first_answer(
    pool: Pool, table: str, command: BaseModel, key: str | None
) -> Accepted | None:
    """What the first request with this key made, or None when there was none. Raises KeyReused
    when it asked for something else."""
    if key is None:
        return None
    query = sql.SQL("select * from demo.{} where idempotency_key = %s").format(
        sql.Identifier(table)
    )
    async with pool.connection() as connection:
        row = await (await connection.execute(query, [key])).fetchone()
    if row is None:
        return None
    if row["request_hash"] != fingerprint(command):
        raise KeyReused
    return Accepted(row, replayed=True)
