"""The HTTP face of invoice-service."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from cqrs_demo.contract.events import Money
from cqrs_demo.database import Pool
from cqrs_demo.http.answers import Sum, found
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.parameters import Before, Month, PageLimit, PathId, UserId, Wait, Year
from cqrs_demo.http.problems import refusals
from cqrs_demo.http.service import routes
from cqrs_demo.input import DateTime
from cqrs_demo.invoice_service.queries import (
    invoice_by_id,
    invoice_of_month,
    invoices_of_user,
)
from cqrs_demo.invoice_service.replay.time_travel import invoice_as_of
from cqrs_demo.invoice_service.waiting import NotProjectedYet, Waiting

PREFIX = "/invoice-service"
AsOf = Annotated[
    DateTime | None, Field(description="Travel in time: only what had happened by this instant.")
]


class Line(BaseModel):
    description: str
    amount: Money
    purchase_dt: AwareDatetime


class Invoice(BaseModel):
    invoice_id: UUID
    user_id: int
    email: str | None
    shipping_address: str | None
    invoice_dt: AwareDatetime
    orders: list[Line]
    total: Sum


class InvoiceOfMonth(BaseModel):
    user_id: UserId
    month: Month
    year: Year
    after_event: UUID | None = None
    wait: Wait = 0
    as_of: AsOf = None


def invoice_routes(pool: Pool, waiting: Waiting) -> APIRouter:
    router = routes(PREFIX)

    @router.get("/invoices", response_model=Invoice, responses=refusals(404))
    async def get_invoice_of_month(query: Annotated[InvoiceOfMonth, Query()]) -> JsonResponse:
        """One user's invoice for one month. With `after_event`, not before that event has been
        projected. With `as_of`, what the invoice was in terms of the events that had happened by
        then."""
        what = f"invoice of user {query.user_id} for {query.year:04}-{query.month:02}"
        if query.after_event is not None:
            await wait_until_projected(waiting, query.after_event, query.wait)
        if query.as_of is not None:
            then = await invoice_as_of(pool, query.user_id, query.year, query.month, query.as_of)
            return found(then, f"{what} as of {query.as_of.isoformat()}")
        return found(await invoice_of_month(pool, query.user_id, query.year, query.month), what)

    @router.get("/invoices/{invoice_id}", response_model=Invoice, responses=refusals(404))
    async def get_invoice(invoice_id: UUID) -> JsonResponse:
        return found(await invoice_by_id(pool, invoice_id), f"invoice {invoice_id}")

    @router.get("/users/{user_id}/invoices", response_model=list[Invoice], responses=refusals())
    async def get_invoices(
        user_id: PathId, limit: PageLimit = 12, before: Before = None
    ) -> JsonResponse:
        """A page of a user's invoices, newest first. The next page is `before` the last one's
        invoice_dt."""
        return JsonResponse(
            await invoices_of_user(pool, user_id, before or datetime.max.replace(tzinfo=UTC), limit)
        )

    return router


async def wait_until_projected(waiting: Waiting, event_id: UUID, seconds: float) -> None:
    """Read your own writes: returns once the event has been projected. Raises NotProjectedYet when
    that takes longer."""
    not_yet = NotProjectedYet(event_id)
    try:
        if not await waiting.until_projected(event_id, seconds):
            raise not_yet
    except asyncio.CancelledError:  # the service is stopping and does not wait for those who wait
        raise not_yet from None
