"""Routes that read and answer exact JSON (exact_json.py)."""

from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from cqrs_demo.exact_json import dumps, loads


class ExactRequest(Request):
    async def json(self) -> Any:
        if not hasattr(self, "_exact"):
            self._exact = loads(await self.body())
        return self._exact


class ExactRoute(APIRoute):
    """A FastAPI route that takes JSON and nothing else, and reads it with loads()."""

    def get_route_handler(self) -> Any:
        handler = super().get_route_handler()

        async def exact(request: Request) -> Response:
            request = ExactRequest(request.scope, request.receive)
            must_be_json(request.method, await request.body(), request.headers)
            return await handler(request)

        return exact


def must_be_json(method: str, body: bytes, headers: Headers) -> None:
    """Raises HTTPException 415 for a body that says it is something else, and for a POST that does
    not say it is JSON.

    Also for one without a body: a page from elsewhere can make a browser post a form, plain text or
    nothing at all here without asking first, but not with this type. For PUT and DELETE browsers
    always ask first, and nobody here says yes.
    """
    if (body or method == "POST") and headers.get("content-type", "").partition(";")[
        0
    ].strip().lower() != "application/json":
        raise HTTPException(
            415, "send it with Content-Type: application/json (a POST without a body, too)"
        )


class JsonResponse(Response):
    """An answer that is already JSON text, or a value that dumps() turns into it."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return content if isinstance(content, bytes) else dumps(content)
