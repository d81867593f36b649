"""The short way of a command in: bytes → JSON → the command's model → the route's function.

FastAPI describes such a route in OpenAPI, but its general way (find the route, find out what its function wants from body, header,
query, cookie, form and dependencies, open a stack for what must be closed again) costs several times what reading, checking and
answering an order does. A command has a path without parameters and always wants the same two things, its body and perhaps an
Idempotency-Key. So it is found in a dictionary and handed both directly. Refusals look the same, whichever way was taken.
"""

from collections.abc import Awaitable, Callable, Iterable
from inspect import signature
from json import JSONDecodeError
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from cqrs_demo.http.input import Command, IdempotencyKey
from cqrs_demo.http.json import loads, must_be_json
from cqrs_demo.http.problems import refusal

Handler = Callable[[bytes, Headers], Awaitable[Response]]

_key: TypeAdapter[str | None] = TypeAdapter(IdempotencyKey)


class ShortWay:
    """ASGI, in front of FastAPI: answers what is posted to the routers' command routes, and hands everything else on."""

    def __init__(self, app: ASGIApp, routers: Iterable[APIRouter]) -> None:
        self._app = app
        routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
        self._handlers = {route.path: _handler(route.endpoint) for route in routes if _takes_command(route.endpoint)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handle = self._handlers.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if handle is None:
            await self._app(scope, receive, send)
            return
        message = await receive()  # the whole body: http/admission.py has collected it
        try:
            response = await handle(message["body"], Headers(scope=scope))
        except Exception as error:
            response = await refusal(Request(scope), error)
        await response(scope, receive, send)


def _takes_command(function: Callable[..., Any]) -> bool:
    """Whether it is written as `async def post_…(command: SomeCommand, idempotency_key: IdempotencyKey = None)`."""
    return list(signature(function).parameters) == ["command", "idempotency_key"]


def _handler(function: Callable[..., Awaitable[Response]]) -> Handler:
    model: type[Command] = signature(function).parameters["command"].annotation

    async def handle(body: bytes, headers: Headers) -> Response:
        must_be_json(body, headers)
        command = _valid(model.model_validate, _parsed(body), "body")
        key = headers.get("idempotency-key")
        return await function(command, None if key is None else _valid(_key.validate_python, key, "header", "Idempotency-Key"))

    return handle


def _parsed(body: bytes) -> Any:
    try:
        return loads(body) if body else None
    except JSONDecodeError as error:
        wrong = {"type": "json_invalid", "loc": ("body", error.pos), "msg": error.msg, "ctx": {"error": error.msg}}
        raise RequestValidationError([wrong]) from None


def _valid(validate: Callable[[Any], Any], value: Any, *where: str) -> Any:
    try:
        return validate(value)
    except ValidationError as error:
        wrong = [{**one, "loc": (*where, *one["loc"])} for one in error.errors(include_url=False)]
        raise RequestValidationError(wrong, body=value) from None
