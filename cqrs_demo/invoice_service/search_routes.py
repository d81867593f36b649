"""The HTTP face of search.py."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from cqrs_demo.database import Pool
from cqrs_demo.http.answers import Sum
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.parameters import DIGITS, Month, Rows, UserId, Year
from cqrs_demo.http.problems import refusals
from cqrs_demo.http.service import routes
from cqrs_demo.input import DateTime, Text
from cqrs_demo.invoice_service import search

WORDS = "In the name or the email, in any case; or the user's id."
SearchedWords = Annotated[Text, Field(max_length=200), Query(description=WORDS)]
Offset = Annotated[int, Field(ge=0, le=1_000_000), DIGITS, Query(description="Rows to skip.")]
LATER = "Only moments after this instant: the last page's last one."
AfterMoment = Annotated[DateTime | None, Query(description=LATER)]
EventIds = Annotated[list[UUID], Field(min_length=1, max_length=100), Query()]


class FoundInvoice(BaseModel):
    invoice_id: UUID
    user_id: int
    name: str | None
    email: str | None
    invoice_dt: AwareDatetime
    total: Sum


class Moment(BaseModel):
    happened_at: AwareDatetime
    orders: int


class InvoiceStatistics(BaseModel):
    orders: int
    amount: Sum
    invoices: int
    first_month: AwareDatetime | None
    last_month: AwareDatetime | None


class Projected(BaseModel):
    event_id: UUID
    projected_at: AwareDatetime


def search_routes(prefix: str, pool: Pool) -> APIRouter:
    router = routes(prefix)

    @router.get("/search/invoices", response_model=list[FoundInvoice], responses=refusals())
    async def search_invoices(
        words: SearchedWords = "",
        user_id: UserId | None = None,
        year: Year | None = None,
        month: Month | None = None,
        limit: Rows = 100,
        offset: Offset = 0,
    ) -> JsonResponse:
        """Invoices by name, email, user, year and month, without their lines. The newest months
        first; in a month, the largest totals first."""
        wanted = search.WantedInvoices(words, user_id, year, month)
        return JsonResponse(await search.find_invoices(pool, wanted, limit, offset))

    @router.get("/invoices/{invoice_id}/moments", response_model=list[Moment], responses=refusals())
    async def get_moments(
        invoice_id: UUID, limit: Rows = 500, after: AfterMoment = None
    ) -> JsonResponse:
        """When the invoice became another, oldest first: by `orders` approved then, by one that was
        cancelled, or by a new email or address. These are the instants that `as_of` can tell apart.
        None for an invoice that is not there."""
        return JsonResponse(await search.moments_of_invoice(pool, invoice_id, after, limit))

    @router.get("/statistics", response_model=InvoiceStatistics, responses=refusals())
    async def get_statistics() -> JsonResponse:
        """How many orders are on invoices and what they come to; how many invoices there are, and
        the first and the last month of them."""
        return JsonResponse(await search.statistics(pool))

    @router.get("/inbox", response_model=list[Projected], responses=refusals())
    async def get_projected(event_id: EventIds) -> JsonResponse:
        """Which of these events are projected, and since when. Those that are not are left out."""
        return JsonResponse(await search.projected(pool, event_id))

    return router
