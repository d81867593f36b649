"""The HTTP face of payment-service."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from cqrs_demo.contract.events import Id
from cqrs_demo.database import Pool
from cqrs_demo.http.answers import CHANGED_HEADERS, Sum, changed
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.parameters import IdempotencyKey, PathId, TraceParent
from cqrs_demo.http.problems import refusals
from cqrs_demo.http.service import routes
from cqrs_demo.payment_service.credit import LimitCredit, NewLimit, credit_of, limit_credit

PREFIX = "/payment-service"


class Credit(BaseModel):
    """`reserved` is what open orders need; `available` is what is left of the limit."""

    user_id: Id
    limit: Sum
    reserved: Sum
    available: Sum


def credit_routes(pool: Pool, committed: Callable[[], None]) -> APIRouter:
    router = routes(PREFIX)

    @router.get("/credits/{user_id}", response_model=Credit, responses=refusals())
    async def get_credit(user_id: PathId) -> JsonResponse:
        """Whom nobody limited has the default limit: this service does not know users."""
        return JsonResponse(credit(await credit_of(pool, user_id)))

    @router.put(
        "/credits/{user_id}",
        response_model=Credit,
        responses={200: {"headers": CHANGED_HEADERS}, **refusals(409, 413)},
    )
    async def put_credit(
        user_id: PathId,
        limit: NewLimit,
        idempotency_key: IdempotencyKey = None,
        traceparent: TraceParent = None,
    ) -> JsonResponse:
        """409 for a limit below what is reserved."""
        command = LimitCredit(user_id=user_id, limit=limit.limit)
        accepted = await limit_credit(pool, command, idempotency_key, traceparent)
        committed()
        return changed(accepted, credit(accepted.row), accepted.row["event_id"])

    return router


def credit(row: dict[str, Any]) -> dict[str, Any]:
    limit, reserved = row["credit_limit"], row["reserved"]
    left = {"limit": limit, "reserved": reserved, "available": limit - reserved}
    return {"user_id": row["user_id"], **left}
