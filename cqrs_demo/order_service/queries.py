"""The query for one order. (For all of them together: query_routes.py.)"""

from typing import Any

from cqrs_demo.database import Pool
from cqrs_demo.order_service.answers import order_with_reason

ORDER = """
select orders.*, saga.state as saga_state, saga.deadline, saga.history
from demo.orders left join demo.order_sagas as saga on saga.order_id = orders.id
where id = %s
"""


async def order_by_id(pool: Pool, id: int) -> dict[str, Any] | None:
    """With its saga, where it has one. None when there is no such order."""
    async with pool.connection() as connection:
        row = await (await connection.execute(ORDER, [id], prepare=True)).fetchone()
    if row is None:
        return None
    saga = {"state": row["saga_state"], "deadline": row["deadline"], "history": row["history"]}
    return order_with_reason(row) | ({"saga": saga} if row["needs_credit"] else {})
