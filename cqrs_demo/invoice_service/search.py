"""The queries of whoever looks for something: invoices by words and month, what an invoice is made
of, what all of them come to, which events are projected. Each is one SELECT on the read model."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from cqrs_demo.database import Pool
from cqrs_demo.inbox.inbox import applied

SEARCH = """
select i.invoice_id, i.user_id, a.name, i.email, i.invoice_dt, i.total
from demo.invoices i
join demo.invoice_account a using (user_id)
where (%(words)s = '' or a.name ilike %(like)s or i.email ilike %(like)s
                      or i.user_id::text = %(words)s)
  and (%(user_id)s::bigint is null or i.user_id = %(user_id)s)
  and (%(year)s::int is null or extract(year from i.invoice_dt at time zone 'UTC') = %(year)s)
  and (%(month)s::int is null or extract(month from i.invoice_dt at time zone 'UTC') = %(month)s)
order by i.invoice_dt desc, i.total desc, i.user_id
limit %(limit)s offset %(offset)s
"""

MOMENTS = """
with line as (
    select happened_at, ended_at from demo.invoice_lines
    where invoice_id = %(invoice_id)s and happened_at is not null
),
told as (  -- a new email or address, once the invoice was there
    select h.happened_at
    from demo.invoices as i
    join (
        select user_id, happened_at from demo.user_history
        union all
        select user_id, happened_at from demo.address_history
    ) as h using (user_id)
    where i.invoice_id = %(invoice_id)s and h.happened_at > (select min(happened_at) from line)
)
select happened_at, sum(orders) as orders
from (
    select happened_at, 1 as orders from line
    union all
    select ended_at, 0 from line where ended_at is not null
    union all
    select happened_at, 0 from told
) as moment
where %(after)s::timestamptz is null or happened_at > %(after)s
group by happened_at
order by happened_at
limit %(limit)s
"""

STATISTICS = """
select line.orders, line.amount, invoice.invoices, invoice.first_month, invoice.last_month
from (select count(*) as orders, coalesce(sum(amount), 0) as amount from demo.invoice_lines
      where status = 'approved') line,
     (select count(*) as invoices, min(invoice_dt) as first_month, max(invoice_dt) as last_month
      from demo.invoices) invoice
"""


@dataclass(frozen=True, slots=True)
class WantedInvoices:
    """Which invoices; what is None (or, of the words, empty) is no condition."""

    words: str = ""
    user_id: int | None = None
    year: int | None = None
    month: int | None = None


async def find_invoices(
    pool: Pool, wanted: WantedInvoices, limit: int, offset: int
) -> list[dict[str, Any]]:
    """The newest months first; in a month, the largest totals first."""
    like = "%" + re.sub(r"([%_\\])", r"\\\1", wanted.words) + "%"
    return await _rows(
        pool, SEARCH, {**asdict(wanted), "like": like, "limit": limit, "offset": offset}
    )


async def moments_of_invoice(
    pool: Pool, invoice_id: UUID, after: datetime | None, limit: int
) -> list[dict[str, Any]]:
    """When it became another, oldest first, and how many orders were approved at each moment: none
    where one was cancelled, and where it is a new email or address."""
    return await _rows(pool, MOMENTS, {"invoice_id": invoice_id, "after": after, "limit": limit})


async def statistics(pool: Pool) -> dict[str, Any]:
    return (await _rows(pool, STATISTICS, {}))[0]


async def projected(pool: Pool, event_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Those of the events that are projected, and since when."""
    async with pool.connection() as connection:
        since = await applied(connection, event_ids)
    return [{"event_id": id, "projected_at": at} for id, at in since.items()]


async def _rows(pool: Pool, query: str, parameters: Any) -> list[dict[str, Any]]:
    async with pool.connection() as connection:
        return await (await connection.execute(query, parameters, prepare=True)).fetchall()
