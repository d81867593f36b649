"""An HTTP service as all of them are: exact JSON, problems for errors, admission at the door."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from cqrs_demo.database import Pool
from cqrs_demo.http import problems
from cqrs_demo.http.admission import Admission
from cqrs_demo.http.json import JsonRoute
from cqrs_demo.http.lifespan import Workers, lifespan
from cqrs_demo.http.one_write import OneWrite
from cqrs_demo.http.problems import ProblemBody
from cqrs_demo.messaging.broker import Broker
from cqrs_demo.settings import Settings


@dataclass(frozen=True)
class Service:
    """An ASGI app, what it is made of, and the workers that run beside it."""

    app: ASGIApp
    api: FastAPI
    prefix: str
    pool: Pool
    broker: Broker
    workers: Workers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


def http_service(
    title: str,
    description: str,
    prefix: str,
    settings: Settings,
    pool: Pool,
    broker: Broker,
    workers: Workers,
    routers: Sequence[APIRouter],
) -> Service:
    """A request goes through Admission, then FastAPI finds its JsonRoute."""
    app = FastAPI(
        title=title,
        description=description,
        version="1.0",
        lifespan=lifespan(pool, broker, workers),
        separate_input_output_schemas=False,
        redirect_slashes=False,  # a POST would be sent on to wherever its Host header points
    )
    app.router.route_class = JsonRoute
    problems.install(app)
    # Not by include_router(), which looks for each request's route twice, and before the routes of
    # the documentation: an answer costs an eighth less.
    app.router.routes[:0] = [route for router in routers for route in router.routes]
    _describe(app)
    token = settings.api_token.get_secret_value() if settings.api_token else None
    door = Admission(app, token, settings.host)
    return Service(door, app, prefix, pool, broker, workers)


def server_config(app: ASGIApp) -> uvicorn.Config:
    """How uvicorn serves it."""
    return uvicorn.Config(
        app,
        http=OneWrite,
        ws="none",  # nothing here speaks WebSocket, and Admission looks at HTTP only
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=False,  # nothing here asks where a request came from
        # Longer than clients keep an idle connection (httpx: 5 s). The side that closes must be the
        # one that sends requests, or a close and a request cross on the wire, and the client cannot
        # know whether its command was taken.
        timeout_keep_alive=75,
        # A request may wait for its event for 30 s; two are enough to finish what is honestly under
        # way, and leave three for the rest.
        timeout_graceful_shutdown=2,
    )


def routes(prefix: str) -> APIRouter:
    return APIRouter(prefix=prefix, route_class=JsonRoute)


def _describe(app: FastAPI) -> None:
    """OpenAPI with ProblemBody, which refusals() points to, and with its limits exact."""
    plain = app.openapi

    def openapi() -> dict[str, object]:
        if app.openapi_schema is None:
            app.openapi_schema = schema = _exact(plain())
            body = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            schemas.update({**body.pop("$defs"), "ProblemBody": body})
            for operation in [
                operation for path in schema["paths"].values() for operation in path.values()
            ]:
                if (
                    "requestBody" in operation
                ):  # where it may be empty, its type must be sent, and OpenAPI cannot say that
                    operation["requestBody"]["required"] = True
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the schema


def _exact(schema: Any) -> Any:
    """FastAPI writes 2**63 as 9.223372036854776e+18, and whoever reads that as a decimal reads
    another number."""
    if isinstance(schema, dict):
        return {key: _exact(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_exact(value) for value in schema]
    return int(schema) if isinstance(schema, float) and schema.is_integer() else schema
