"""Every request goes the framework's way: its middleware sees it, whatever the route."""

import asyncio
from importlib import import_module
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute

from cqrs_demo.http.json import JsonRoute
from cqrs_demo.http.service import Service
from cqrs_demo.settings import Settings

SERVICES = ["user-service", "order-service", "invoice-service"]


def built(name: str) -> Service:
    """Not started: nothing connects."""
    dsn = "postgresql://nobody@localhost/nothing"
    settings = Settings(user_db=dsn, order_db=dsn, invoice_db=dsn, broker_url=dsn)
    service: Service = import_module(f"cqrs_demo.{name.replace('-', '_')}.server").build(settings)
    return service


@pytest.mark.parametrize("name", SERVICES)
def test_every_route_of_ours_is_of_one_class(name: str) -> None:
    routes = [route for route in built(name).api.routes if isinstance(route, APIRoute)]
    assert routes
    assert {type(route) for route in routes} == {JsonRoute}


@pytest.mark.parametrize(
    ("name", "method", "path"),
    [
        ("user-service", "POST", "/system-api/users"),
        ("user-service", "GET", "/system-api/users/x"),
        ("order-service", "POST", "/order-service/orders"),
        ("invoice-service", "GET", "/invoice-service/invoices"),
    ],
)
def test_the_frameworks_middleware_sees_every_request(name: str, method: str, path: str) -> None:
    # Given a service with a middleware as FastAPI's documentation writes one
    service, seen = built(name), list[str]()

    @service.api.middleware("http")
    async def note(request: Request, call_next: object) -> Response:
        seen.append(request.url.path)
        response: Response = await call_next(request)  # type: ignore[operator]  # untyped in Starlette
        return response

    # When a request comes that is refused before any database is asked
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(service)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, headers={"Content-Type": "application/json"})

    answer = asyncio.run(ask())

    # Then the middleware saw it, and the refusal is ours
    assert seen == [path]
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid-request"


def test_a_route_that_wants_what_is_not_read_is_refused_when_it_is_made() -> None:
    router = APIRouter(route_class=JsonRoute)

    async def something() -> str:
        return "something"

    async def wants(_: Annotated[str, Depends(something)]) -> Response:
        return Response()

    with pytest.raises(TypeError, match="/x: a JsonRoute reads no dependencies"):
        router.add_api_route("/x", wants)
