"""What order-service tells of all its orders. Not of one: that is routes.py."""

from fastapi import APIRouter
from pydantic import BaseModel

from cqrs_demo.database import Pool
from cqrs_demo.http.answers import Sum
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.problems import refusals
from cqrs_demo.http.service import routes

STATISTICS = "select count(*) as orders, coalesce(sum(amount), 0) as amount from demo.orders"


class OrderStatistics(BaseModel):
    orders: int
    amount: Sum


def query_routes(prefix: str, pool: Pool) -> APIRouter:
    router = routes(prefix)

    @router.get("/statistics", response_model=OrderStatistics, responses=refusals())
    async def get_statistics() -> JsonResponse:
        """How many orders were accepted, and what they come to."""
        async with pool.connection() as connection:
            row = await (await connection.execute(STATISTICS)).fetchone()
        return JsonResponse(row)

    return router
