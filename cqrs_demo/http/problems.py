"""The one place where an error becomes an HTTP answer: application/problem+json (RFC 9457), never a
traceback."""

from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout, TooManyRequests
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from cqrs_demo.errors import Conflict, Invalid, NotFound, Refusal, TryLater
from cqrs_demo.exact_json import dumps

log = structlog.get_logger()

_TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    413: "Content too large",
    415: "Unsupported media type",
}
_METHODS = ("GET", "POST", "PUT", "DELETE")


class Problem(Exception):
    """A refusal the client can act on. `code` is stable and goes into `type`; `detail` is for a
    person."""

    def __init__(
        self, status: int, code: str, detail: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers


class ProblemBody(BaseModel):
    """What every refusal looks like (for OpenAPI)."""

    type: str = Field(examples=["urn:cqrs-demo:problem:email-taken"])
    code: str = Field(examples=["email-taken"])
    title: str
    status: int
    detail: str
    errors: list["FieldError"] | None = None


class FieldError(BaseModel):
    field: str = Field(examples=["amount"])
    message: str = Field(examples=["Input should be greater than 0"])


_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds after which to try again",
        "schema": {"type": "integer"},
    }
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that may refuse with these statuses (and with those that any
    route may, and, where 413 is among them, with those that any route with a body may)."""
    schema = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    refused = {"description": "Refused", "content": schema}
    body = (400, 408, 415) if 413 in statuses else ()
    return {
        **dict.fromkeys((*statuses, *body, 401, 403, 421, 422, 500), refused),
        503: {**refused, "headers": _RETRY_AFTER},
    }


def problem_response(problem: Problem, errors: list[dict[str, str]] | None = None) -> Response:
    body: dict[str, Any] = {
        "type": f"urn:cqrs-demo:problem:{problem.code}",
        "code": problem.code,
        "title": problem.code.replace("-", " ").capitalize(),
        "status": problem.status,
        "detail": problem.detail,
    }
    if errors:
        body["errors"] = errors
    return Response(dumps(body), problem.status, problem.headers, "application/problem+json")


def install(app: FastAPI) -> None:
    """Answer every error of this app as a problem."""
    for kind, answer in _ANSWERS.items():
        app.add_exception_handler(kind, answer)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(error)


async def _refused_by_the_core(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    status, headers = next(_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES)
    return problem_response(Problem(status, error.code, str(error), headers))


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first, *_more = error.errors()
    if first["type"] == "json_invalid":
        return problem_response(
            Problem(
                400,
                "malformed-json",
                f"the body is not JSON: {first['msg']}",
            )
        )
    errors = [
        {"field": _field(e["loc"]), "message": e["msg"].removeprefix("Value error, ")}
        for e in error.errors()
    ]
    detail = "; ".join(f"{e['field']}: {e['message']}" for e in errors[:5])
    return problem_response(Problem(422, "invalid-request", detail), errors[:50])


def _field(location: tuple[int | str, ...]) -> str:
    """("body", "amount") is what the client calls "amount"."""
    return ".".join(str(part) for part in location[1:]) or str(location[0])


async def _http(request: Request, error: Exception) -> Response:
    """What the framework refuses by itself."""
    assert isinstance(error, HTTPException)
    title = _TITLES.get(error.status_code, "Refused")
    detail, headers = str(error.detail), dict(error.headers or {})
    if error.status_code == 404:
        detail = f"there is nothing at {request.url.path}; GET /openapi.json says what there is"
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_allowed(request))
        detail = f"{request.url.path} takes {headers['Allow']}"
    return problem_response(
        Problem(error.status_code, title.lower().replace(" ", "-"), detail, headers)
    )


def _allowed(request: Request) -> list[str]:
    """The methods this path takes. (The framework would name those of one route, and GET and PUT
    are two.)"""
    routes = request.app.routes
    allowed = [
        method
        for method in _METHODS
        if any(r.matches({**request.scope, "method": method})[0] is Match.FULL for r in routes)
    ]
    return [*allowed, "HEAD"] if "GET" in allowed else allowed


async def _database_away(request: Request, error: Exception) -> Response:
    log.warning("database away", path=request.url.path, error=repr(error))
    detail = (
        "the service's database does not answer; try again (with the same Idempotency-Key, "
        "it is safe)"
    )
    return problem_response(Problem(503, "database-unavailable", detail, {"Retry-After": "1"}))


async def _overloaded(_: Request, error: Exception) -> Response:
    """More requests wait for a connection than could be served in time: better told now than timed
    out later."""
    return problem_response(
        Problem(
            503,
            "overloaded",
            "too many requests are waiting already; try again",
            {"Retry-After": "1"},
        )
    )


async def _bug(request: Request, error: Exception) -> Response:
    log.error("unexpected error", path=request.url.path, exc_info=error)
    return problem_response(
        Problem(500, "internal-error", "an unexpected error; the service's log tells more")
    )


_STATUSES: dict[type, tuple[int, dict[str, str] | None]] = {
    NotFound: (404, None),
    Conflict: (409, None),
    Invalid: (422, None),
    TryLater: (503, {"Retry-After": "1"}),
}

_ANSWERS: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    Problem: _refused,
    Refusal: _refused_by_the_core,
    RequestValidationError: _invalid,
    HTTPException: _http,
    TooManyRequests: _overloaded,
    psycopg.OperationalError: _database_away,
    PoolTimeout: _database_away,
    TimeoutError: _database_away,
    Exception: _bug,
}
