"""The queries: each is one SELECT on the read model. No other service is asked, no table of theirs
is joined."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from cqrs_demo.database import Pool

INVOICES = """
select invoice_id, user_id, email, shipping_address, invoice_dt,
    to_json(array(
        select line
        from (
            select description, amount, demo.rfc3339(purchase_dt) as purchase_dt
            from demo.invoice_lines as l
            where l.invoice_id = invoices.invoice_id and l.status = 'approved'
            order by l.purchase_dt, l.order_id
        ) as line
    ))::text as orders,
    total
from demo.invoices
"""

BY_MONTH = INVOICES + "where user_id = %s and invoice_dt = %s"
BY_ID = INVOICES + "where invoice_id = %s"
PAGE = INVOICES + "where user_id = %s and invoice_dt < %s order by invoice_dt desc limit %s"


async def invoice_of_month(
    pool: Pool, user_id: int, year: int, month: int
) -> dict[str, Any] | None:
    rows = await _invoices(pool, BY_MONTH, [user_id, datetime(year, month, 1, tzinfo=UTC)])
    return rows[0] if rows else None


async def invoice_by_id(pool: Pool, invoice_id: UUID) -> dict[str, Any] | None:
    rows = await _invoices(pool, BY_ID, [invoice_id])
    return rows[0] if rows else None


async def invoices_of_user(
    pool: Pool, user_id: int, before: datetime, limit: int
) -> list[dict[str, Any]]:
    """Up to `limit` invoices of months before `before`, newest first."""
    return await _invoices(pool, PAGE, [user_id, before, limit])


async def _invoices(pool: Pool, query: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
    async with pool.connection() as connection:
        rows = await (await connection.execute(query, parameters, prepare=True)).fetchall()
    return [{**row, "orders": orjson.Fragment(row["orders"])} for row in rows]
