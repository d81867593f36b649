"""What order-service tells of all its orders. Not of one: that is routes.py."""

from fastapi import APIRouter
from pydantic import BaseModel

from cqrs_demo.database import Pool
from cqrs_demo.http.answers import Sum
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.problems import refusals
from cqrs_demo.http.service import routes

STATISTICS = """
select count(*) filter (where status = 'approved') as orders,
    coalesce(sum(amount) filter (where status = 'approved'), 0) as amount,
    count(*) filter (where status = 'pending') as pending,
    count(*) filter (where status = 'rejected') as rejected,
    count(*) filter (where status = 'cancelled') as cancelled
from demo.orders
"""


class OrderStatistics(BaseModel):
    orders: int
    pending: int
    rejected: int
    cancelled: int
    amount: Sum


def query_routes(prefix: str, pool: Pool) -> APIRouter:
    router = routes(prefix)

    @router.get("/statistics", response_model=OrderStatistics, responses=refusals())
    async def get_statistics() -> JsonResponse:
        """How many orders are approved, and what they come to: what invoices are to show. And how
        many others there are."""
        async with pool.connection() as connection:
            row = await (await connection.execute(STATISTICS)).fetchone()
        return JsonResponse(row)

    return router
