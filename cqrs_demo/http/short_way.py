"""The short way in, for commands and for the invoice query: bytes → model → the route's function.

FastAPI describes such a route in OpenAPI, but its general way (find the route, find out what its
function wants from body, header, query, cookie, form and dependencies, open a stack for what must
be closed again) costs several times what reading, checking and answering an order does. These
routes have a path without parameters, and want one of two things: a command its body and perhaps an
Idempotency-Key, a query the part of the URL after the "?". So the route is found in a dictionary,
and its function handed just that. Refusals look the same, whichever way was taken.
"""

from collections.abc import Awaitable, Callable, Iterable
from inspect import signature
from json import JSONDecodeError
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from cqrs_demo.exact_json import loads
from cqrs_demo.http.input import IdempotencyKey
from cqrs_demo.http.json import must_be_json
from cqrs_demo.http.problems import refusal

Handler = Callable[[Scope, Receive], Awaitable[Response]]

_key: TypeAdapter[str | None] = TypeAdapter(IdempotencyKey)


class ShortWay:
    """ASGI, in front of FastAPI: answers for the routers' routes of commands and queries, and hands
    everything else on."""

    def __init__(self, app: ASGIApp, routers: Iterable[APIRouter]) -> None:
        self._app = app
        routes = [
            route for router in routers for route in router.routes if isinstance(route, APIRoute)
        ]
        self._handlers = {
            (method, route.path): short
            for route in routes
            for method, short in _short(route.endpoint).items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handle = (
            self._handlers.get((scope["method"], scope["path"]))
            if scope["type"] == "http"
            else None
        )
        if handle is None:
            await self._app(scope, receive, send)
            return
        try:
            response = await handle(scope, receive)
        except Exception as error:
            response = await refusal(Request(scope), error)
        await response(scope, receive, send)


def _short(function: Callable[..., Awaitable[Response]]) -> dict[str, Handler]:
    """By method, how to call a function that is written as one of these two:
    `async def post_…(command: SomeCommand, idempotency_key: IdempotencyKey = None)`
    `async def get_…(query: Annotated[SomeQuery, Query()])`"""
    match list(signature(function).parameters):
        case ["command", "idempotency_key"]:
            return {"POST": _command(function)}
        case ["query"]:
            return {"GET": _query(function)}
    return {}


def _command(function: Callable[..., Awaitable[Response]]) -> Handler:
    model = _adapter(function, "command")

    async def handle(scope: Scope, receive: Receive) -> Response:
        headers = Headers(scope=scope)
        message = await receive()  # the whole body: http/admission.py has collected it
        must_be_json("POST", message["body"], headers)
        command = _valid(model, _parsed(message["body"]), "body")
        key = headers.get("idempotency-key")
        return await function(
            command, None if key is None else _valid(_key, key, "header", "Idempotency-Key")
        )

    return handle


def _query(function: Callable[..., Awaitable[Response]]) -> Handler:
    model = _adapter(function, "query")

    async def handle(scope: Scope, _: Receive) -> Response:
        asked = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        return await function(_valid(model, asked, "query"))

    return handle


def _adapter(function: Callable[..., Any], parameter: str) -> TypeAdapter[Any]:
    annotation: Any = signature(function).parameters[parameter].annotation
    return TypeAdapter(annotation)


def _parsed(body: bytes) -> Any:
    try:
        return loads(body) if body else None
    except JSONDecodeError as error:
        wrong = {
            "type": "json_invalid",
            "loc": ("body", error.pos),
            "msg": error.msg,
            "ctx": {"error": error.msg},
        }
        raise RequestValidationError([wrong]) from None


def _valid(model: TypeAdapter[Any], value: Any, *where: str) -> Any:
    try:
        return model.validate_python(value)
    except ValidationError as error:
        wrong = [{**one, "loc": (*where, *one["loc"])} for one in error.errors(include_url=False)]
        raise RequestValidationError(wrong, body=value) from None
