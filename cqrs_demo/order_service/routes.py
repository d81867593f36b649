"""The HTTP face of order-service."""

from dataclasses import fields

from fastapi import APIRouter

from cqrs_demo.contract.events import Order
from cqrs_demo.database import Pool
from cqrs_demo.http.answers import CREATED_HEADERS, created, found
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.parameters import IdempotencyKey, PathId
from cqrs_demo.http.problems import refusals
from cqrs_demo.http.service import routes
from cqrs_demo.order_service.commands import PlaceOrder, place_order
from cqrs_demo.outbox.submit import Submit

PREFIX = "/order-service"

ORDER = tuple(field.name for field in fields(Order))


def order_routes(pool: Pool, orders: Submit) -> APIRouter:
    router = routes(PREFIX)

    @router.post(
        "/orders",
        status_code=201,
        response_model=Order,
        responses={201: {"headers": CREATED_HEADERS}, **refusals(413)},
    )
    async def post_order(
        command: PlaceOrder, idempotency_key: IdempotencyKey = None
    ) -> JsonResponse:
        accepted = await place_order(orders, pool, command, idempotency_key)
        return created(accepted, ORDER, f"{PREFIX}/orders")

    @router.get("/orders/{id}", response_model=Order, responses=refusals(404))
    async def get_order(id: PathId) -> JsonResponse:
        query = (
            "select id, user_id, description, amount, purchase_dt from demo.orders where id = %s"
        )
        async with pool.connection() as connection:
            row = await (await connection.execute(query, [id])).fetchone()
        return found(row, f"order {id}")

    return router
