"""Revenue: what came in per month and customer; and the query that reads it.

The command services know nothing of it. It depends on no other projection: it remembers by itself
which orders it has counted.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from cqrs_demo.contract.events import KnownEvent, OrderCreated
from cqrs_demo.database import Connection, Pool
from cqrs_demo.invoice_service.projections.read_model import month_of

COUNT = """
with placed as (
    select * from unnest(%b::bigint[], %b::bigint[], %b::timestamptz[], %b::numeric[])
        as o (order_id, user_id, month, amount)
),
counted as (
    insert into revenue_orders (order_id, user_id, month, amount)
    select order_id, user_id, month, amount
    from placed
    order by order_id
    on conflict do nothing
    returning user_id, month, amount
)
insert into customer_revenue (month, user_id, orders, revenue)
select month, user_id, count(*), sum(amount)
from counted
group by month, user_id
order by month, user_id
on conflict (month, user_id)
do update set orders = customer_revenue.orders + excluded.orders,
    revenue = customer_revenue.revenue + excluded.revenue
"""

MONTHS = """
select extract(month from month at time zone 'UTC')::int as month, sum(orders)::bigint as orders,
    sum(revenue) as revenue
from demo.customer_revenue
where month >= %(first)s and month < %(next)s
group by 1
order by 1
"""

TOP_CUSTOMERS = """
with customer as (
    select user_id, sum(orders)::bigint as orders, sum(revenue) as revenue
    from demo.customer_revenue
    where month >= %(first)s and month < %(next)s
    group by user_id
    order by sum(revenue) desc, user_id
    limit %(top)s
)
select user_id, name, email, orders, revenue
from customer
left join demo.invoice_account using (user_id)
order by revenue desc, user_id
"""


class Revenue:
    tables = ("customer_revenue", "revenue_orders")

    async def apply(self, connection: Connection, events: Sequence[KnownEvent]) -> None:
        placed = {event.data.id: event.data for event in events if isinstance(event, OrderCreated)}
        if not placed:
            return
        orders = placed.values()
        columns = [
            list(placed),
            [order.user_id for order in orders],
            [month_of(order.purchase_dt) for order in orders],
            [order.amount for order in orders],
        ]
        await connection.execute(COUNT, columns, prepare=True)


async def revenue_of_year(pool: Pool, year: int, top: int) -> dict[str, Any]:
    """Revenue of each month that has any, the year's total, and the `top` customers, best first."""
    end = datetime.max if year == datetime.max.year else datetime(year + 1, 1, 1)
    values = {
        "first": datetime(year, 1, 1, tzinfo=UTC),
        "next": end.replace(tzinfo=UTC),
        "top": top,
    }
    async with pool.connection() as connection:
        months = await (await connection.execute(MONTHS, values, prepare=True)).fetchall()
        customers = await (await connection.execute(TOP_CUSTOMERS, values, prepare=True)).fetchall()
    return {
        "year": year,
        "orders": sum(month["orders"] for month in months),
        "revenue": sum((month["revenue"] for month in months), Decimal("0.00")),
        "months": months,
        "top_customers": customers,
    }
