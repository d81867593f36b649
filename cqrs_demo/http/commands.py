"""The short way of a command in: bytes → JSON → the command's model → the route's function.

FastAPI describes such a route in OpenAPI, but its general way of finding out what a function wants (from body, header, query,
cookie, form, dependencies) costs more than all the rest of accepting an order. A command always wants the same two things, its
body and perhaps an Idempotency-Key, so they are handed over directly. Refusals look the same, whichever way was taken.
"""

from collections.abc import Awaitable, Callable
from inspect import signature
from json import JSONDecodeError
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

from cqrs_demo.http.input import Command, IdempotencyKey
from cqrs_demo.http.json import ExactRoute, loads, must_be_json

_key: TypeAdapter[str | None] = TypeAdapter(IdempotencyKey)


class CommandRoute(ExactRoute):
    """An ExactRoute that goes the short way when its function takes a command."""

    def get_route_handler(self) -> Any:
        return _short_way(self.endpoint) if _takes_command(self.endpoint) else super().get_route_handler()


def _takes_command(function: Callable[..., Any]) -> bool:
    """Whether it is written as `async def post_…(command: SomeCommand, idempotency_key: IdempotencyKey = None)`."""
    return list(signature(function).parameters) == ["command", "idempotency_key"]


def _short_way(function: Callable[..., Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The function as Starlette wants it, from request to response."""
    model: type[Command] = signature(function).parameters["command"].annotation

    async def handle(request: Request) -> Response:
        body = await request.body()
        must_be_json(body, request.headers)
        command = _valid(model.model_validate, _parsed(body), "body")
        key = request.headers.get("idempotency-key")
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
