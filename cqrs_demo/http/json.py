"""JSON without floats: an amount is read as the decimal that was written, and written with the decimals it has."""

import json
from decimal import Decimal
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute


def dumps(value: Any) -> bytes:
    """JSON text: Decimal as a number with its own decimals (50.00), aware datetimes in UTC with a Z."""
    return orjson.dumps(value, default=_number, option=orjson.OPT_UTC_Z)


def _number(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} has no place in an answer")


class ExactRequest(Request):
    async def json(self) -> Any:
        """The body. Numbers with a point become Decimal: 100.10000000000000001 is not 100.1."""
        if not hasattr(self, "_exact"):
            try:
                self._exact = json.loads(await self.body(), parse_float=Decimal)
            except (RecursionError, UnicodeDecodeError) as error:  # ten thousand brackets; bytes that are no UTF-8
                raise json.JSONDecodeError(str(error), "", 0) from error
        return self._exact


class ExactRoute(APIRoute):
    """A FastAPI route that reads its body with ExactRequest."""

    def get_route_handler(self) -> Any:
        handler = super().get_route_handler()

        async def exact(request: Request) -> Response:
            return await handler(ExactRequest(request.scope, request.receive))

        return exact


class JsonResponse(Response):
    """An answer that is already JSON text, or a value that dumps() turns into it."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return content if isinstance(content, bytes) else dumps(content)
