"""Time travel: an invoice as it was at an instant, made of the events that had happened by then.

"Happened" is the event's own time: when the command was committed, not when its event was
projected. So the answer does not depend on how far the read side lagged that day, and it is the
same after a replay. A line is there from its approval on, until its order is cancelled.
"""

from datetime import UTC, datetime
from typing import Any

import orjson

from cqrs_demo.database import Pool

INVOICE_AS_OF = """
select invoice_id, user_id,
    (
        select email from demo.user_history as h
        where h.user_id = invoices.user_id and h.happened_at <= %(as_of)s
        order by h.sequence desc limit 1
    ) as email,
    (
        select shipping_address from demo.address_history as h
        where h.user_id = invoices.user_id and h.happened_at <= %(as_of)s
        order by h.sequence desc limit 1
    ) as shipping_address,
    invoice_dt,
    to_json(array(
        select line
        from (
            select description, amount, demo.rfc3339(purchase_dt) as purchase_dt
            from demo.invoice_lines as l
            where l.invoice_id = invoices.invoice_id and l.happened_at <= %(as_of)s
              and (l.ended_at is null or l.ended_at > %(as_of)s)
            order by l.purchase_dt, l.order_id
        ) as line
    ))::text as orders,
    shown.total
from demo.invoices
cross join lateral (
    select count(*) as lines, coalesce(
        sum(l.amount) filter (where l.ended_at is null or l.ended_at > %(as_of)s), 0.00
    ) as total
    from demo.invoice_lines as l
    where l.invoice_id = invoices.invoice_id and l.happened_at <= %(as_of)s
) as shown
where user_id = %(user_id)s and invoice_dt = %(month)s and shown.lines > 0
"""


async def invoice_as_of(
    pool: Pool, user_id: int, year: int, month: int, as_of: datetime
) -> dict[str, Any] | None:
    """None when none of the invoice's orders had been approved by then."""
    values = {"user_id": user_id, "month": datetime(year, month, 1, tzinfo=UTC), "as_of": as_of}
    async with pool.connection() as connection:
        row = await (await connection.execute(INVOICE_AS_OF, values, prepare=True)).fetchone()
    return row and {**row, "orders": orjson.Fragment(row["orders"])}
