"""A second read model: revenue per month, and the customers who brought it.

This is all that a new projection takes: a table (sql/invoice_service/004_revenue.sql), what to do
for the orders of a batch (ADD_REVENUE, which projection.py puts into its statement), and a query.
What happened before it existed comes with the next `cqrs-demo replay`. The command services know
nothing of it.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from cqrs_demo.database import Pool

# `placed` are the orders of the batch, `line` the ids of those that had not been counted before.
ADD_REVENUE = """
insert into customer_revenue (month, user_id, orders, revenue)
select invoice_dt, user_id, count(*), sum(amount)
from placed
join line using (order_id)
group by invoice_dt, user_id
order by invoice_dt, user_id
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
