"""The HTTP face of invoice-service."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field, WithJsonSchema

from cqrs_demo.contract.events import Money
from cqrs_demo.database import Pool
from cqrs_demo.http.answers import found
from cqrs_demo.http.input import Before, DateTime, Month, PageLimit, PathId, UserId, Wait, Year
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.lifespan import Workers
from cqrs_demo.http.problems import Problem, refusals
from cqrs_demo.http.service import add_healthcheck, routes
from cqrs_demo.inbox.consumer import Consumer
from cqrs_demo.invoice_service.queries import (
    invoice_by_id,
    invoice_of_month,
    invoices_of_user,
    is_processed,
)
from cqrs_demo.invoice_service.replay.time_travel import invoice_as_of
from cqrs_demo.messaging.broker import Broker, BrokerError
from cqrs_demo.tooling.workshop.controls import add_controls
from cqrs_demo.tooling.workshop.passage_routes import add_passages

PREFIX = "/invoice-service"
AsOf = Annotated[
    DateTime | None, Field(description="Travel in time: only what had happened by this instant.")
]
DEPTHS_WITHIN = 0.5  # seconds
NEWS_POLL = 0.05  # seconds: the event may have been projected by another copy of this service


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
    total: Annotated[Decimal, WithJsonSchema({"type": "number"})]


class InvoiceOfMonth(BaseModel):
    user_id: UserId
    month: Month
    year: Year
    after_event: UUID | None = None
    wait: Wait = 0
    as_of: AsOf = None


def invoice_routes(pool: Pool, consumer: Consumer) -> APIRouter:
    router = routes(PREFIX)

    @router.get("/invoices", response_model=Invoice, responses=refusals(404))
    async def get_invoice_of_month(query: Annotated[InvoiceOfMonth, Query()]) -> JsonResponse:
        """One user's invoice for one month. With `after_event`, not before that event has been
        projected. With `as_of`, what the invoice was in terms of the events that had happened by
        then."""
        what = f"invoice of user {query.user_id} for {query.year:04}-{query.month:02}"
        if query.after_event is not None:
            await wait_until_projected(pool, consumer, query.after_event, query.wait)
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


def support_routes(
    pool: Pool, broker: Broker, consumer: Consumer, workers: Workers, *, workshop: bool
) -> APIRouter:
    router = routes(PREFIX)

    async def database() -> None:
        async with pool.connection(timeout=2) as connection:
            await connection.execute("select from demo.processed_events limit 1")

    async def consumer_check() -> str | None:
        return consumer.backoff.trouble

    add_healthcheck(
        router, workers, {"database": database, "broker": broker.ping, "consumer": consumer_check}
    )
    if workshop:

        async def consumer_state() -> dict[str, object]:
            counts = dict(consumer.handler.counts)
            return {
                "trouble": consumer.backoff.trouble,
                "counts": counts,
                "queues": await depths_now(broker),
            }

        add_controls(router, "consumer", consumer.gate, consumer_state)
        add_passages(router, "consumer", consumer.handler.received)
    return router


async def depths_now(broker: Broker) -> dict[str, int] | None:
    """None when the broker does not tell at once: the controls answer also while it is away."""
    try:
        async with asyncio.timeout(DEPTHS_WITHIN):
            return await broker.depths()
    except (BrokerError, TimeoutError):
        return None


async def wait_until_projected(
    pool: Pool, consumer: Consumer, event_id: UUID, seconds: float
) -> None:
    """Read your own writes: returns once the event has been projected. Raises Problem 503 when that
    takes longer."""
    deadline = asyncio.get_running_loop().time() + seconds
    not_yet = Problem(
        503,
        "not-projected-yet",
        f"event {event_id} has not been projected yet; ask again",
        {"Retry-After": "1"},
    )
    try:
        while not await is_processed(pool, event_id):
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                raise not_yet
            await consumer.wait_for_news(min(left, NEWS_POLL))
    except asyncio.CancelledError:  # the service is stopping and does not wait for those who wait
        raise not_yet from None
