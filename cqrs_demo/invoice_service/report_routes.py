"""The HTTP face of the second read model."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from cqrs_demo.database import Pool
from cqrs_demo.http.answers import Sum
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.parameters import DIGITS, Year
from cqrs_demo.http.problems import refusals
from cqrs_demo.http.service import routes
from cqrs_demo.invoice_service.projections.revenue import revenue_of_year

Top = Annotated[int, Field(ge=1, le=100), DIGITS, Query(description="Customers at the most.")]


class MonthRevenue(BaseModel):
    month: int
    orders: int
    revenue: Sum


class CustomerRevenue(BaseModel):
    user_id: int
    name: str | None
    email: str | None
    orders: int
    revenue: Sum


class Revenue(BaseModel):
    year: int
    orders: int
    revenue: Sum
    months: list[MonthRevenue]
    top_customers: list[CustomerRevenue]


def report_routes(prefix: str, pool: Pool) -> APIRouter:
    router = routes(prefix)

    @router.get("/reports/revenue", response_model=Revenue, responses=refusals())
    async def get_revenue(year: Year, top: Top = 10) -> JsonResponse:
        """A year's revenue by month of purchase (months without orders are left out), and its best
        customers."""
        return JsonResponse(await revenue_of_year(pool, year, top))

    return router
