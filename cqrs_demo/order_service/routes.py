"""The HTTP face of order-service."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body

from cqrs_demo.database import Pool
from cqrs_demo.http.answers import CHANGED_HEADERS, CREATED_HEADERS, changed, created, found
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.parameters import IdempotencyKey, PathId, TraceParent
from cqrs_demo.http.problems import refusals
from cqrs_demo.http.service import routes
from cqrs_demo.order_service.answers import ORDER, Order, OrderWithSaga, order_with_reason
from cqrs_demo.order_service.cancel import CancelOrder, Reason, cancel_order
from cqrs_demo.order_service.commands import Approval, PlaceOrder, place_order
from cqrs_demo.order_service.queries import order_by_id
from cqrs_demo.outbox.submit import Submit

PREFIX = "/order-service"

CANCELLED: dict[int | str, dict[str, Any]] = {
    200: {"headers": CHANGED_HEADERS},
    **refusals(404, 409, 413),
}


def order_routes(
    pool: Pool, orders: Submit, approval: Approval, committed: Callable[[], None]
) -> APIRouter:
    router = routes(PREFIX)

    @router.post(
        "/orders",
        status_code=201,
        response_model=Order,
        responses={201: {"headers": CREATED_HEADERS}, **refusals(413)},
    )
    async def post_order(
        command: PlaceOrder,
        idempotency_key: IdempotencyKey = None,
        traceparent: TraceParent = None,
    ) -> JsonResponse:
        """Approved at once; or pending, when it needs credit first."""
        accepted = await place_order(orders, pool, approval, command, idempotency_key, traceparent)
        return created(accepted, ORDER, f"{PREFIX}/orders")

    @router.post("/orders/{id}/cancel", response_model=Order, responses=CANCELLED)
    async def post_cancel(
        id: PathId,
        reason: Annotated[Reason, Body(default_factory=Reason)],
        idempotency_key: IdempotencyKey = None,
        traceparent: TraceParent = None,
    ) -> JsonResponse:
        """An approved order. 409 for one that waits for its credit, or was rejected."""
        command = CancelOrder(order_id=id, reason=reason.reason)
        accepted = await cancel_order(pool, command, idempotency_key, traceparent)
        committed()
        row = accepted.row
        return changed(accepted, order_with_reason(row), row["cancelled_event_id"])

    @router.get("/orders/{id}", response_model=OrderWithSaga, responses=refusals(404))
    async def get_order(id: PathId) -> JsonResponse:
        """The order as it is now; one that needs credit with its saga and all that happened."""
        return found(await order_by_id(pool, id), f"order {id}")

    return router
