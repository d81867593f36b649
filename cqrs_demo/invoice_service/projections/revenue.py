"""Revenue: what came in per month and customer; and the query that reads it.

The command services know nothing of it. It depends on no other projection: it remembers by itself
which orders it has counted.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from cqrs_demo.contract.events import EndedOrder, KnownEvent, PlacedOrder
from cqrs_demo.database import Connection, Pool
from cqrs_demo.invoice_service.projections.read_model import OrderEvent, month_of

# A customer has a row for a month as soon as one order of it was approved, whatever became of it.
COUNT = """
with news as (
    select order_id, any_value(user_id) as user_id, any_value(month) as month,
        any_value(amount) as amount, bool_or(approved) as approved, bool_or(ended) as ended
    from unnest(%b::bigint[], %b::bigint[], %b::timestamptz[], %b::numeric[], %b::bool[],
        %b::bool[])
        as n (order_id, user_id, month, amount, approved, ended)
    group by order_id
),
told as (
    insert into revenue_orders as known (order_id, user_id, month, amount, approved, ended)
    select order_id, user_id, month, amount, approved, ended
    from news
    order by order_id
    on conflict (order_id) do update set
        month = coalesce(known.month, excluded.month),
        amount = coalesce(known.amount, excluded.amount),
        approved = known.approved or excluded.approved,
        ended = known.ended or excluded.ended
    returning new.user_id, new.month, new.amount, new.approved,
        (new.approved and not new.ended)::int
        - coalesce(old.approved and not old.ended, false)::int as change
)
insert into customer_revenue (month, user_id, orders, revenue)
select month, user_id, sum(change), sum(change * amount)
from told
where approved
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
having sum(orders) > 0
order by 1
"""

TOP_CUSTOMERS = """
with customer as (
    select user_id, sum(orders)::bigint as orders, sum(revenue) as revenue
    from demo.customer_revenue
    where month >= %(first)s and month < %(next)s
    group by user_id
    having sum(orders) > 0
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
        rows = [_told(event) for event in events if isinstance(event, OrderEvent)]
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            await connection.execute(COUNT, columns, prepare=True)


def _told(event: OrderEvent) -> tuple[object, ...]:
    """What the event tells of the order: the columns of `news`."""
    order = event.data
    if isinstance(order, EndedOrder):
        return order.id, order.user_id, None, None, False, True
    approved = not isinstance(order, PlacedOrder) or order.status == "approved"
    return order.id, order.user_id, month_of(order.purchase_dt), order.amount, approved, False


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
