"""The one way in and out: routes that read and answer exact JSON (exact_json.py).

JsonRoute is FastAPI's own hook, a class of routes. FastAPI finds the route, says what its function
declares, describes it in OpenAPI, runs the middleware and answers errors; the route reads what was
sent.
"""

from collections.abc import Awaitable, Callable, Mapping
from json import JSONDecodeError
from typing import Any, get_origin

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.params import Param
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.datastructures import Headers, ImmutableMultiDict
from starlette.exceptions import HTTPException

from cqrs_demo.exact_json import dumps, loads

Values = dict[str, Any]
Errors = list[dict[str, Any]]


class JsonRoute(APIRoute):
    """A route whose function takes parameters from path, query and headers and a JSON body, and
    answers with a Response.

    FastAPI's own handler reads numbers as floats. And with each request it finds out anew what the
    function wants from these, from cookies, forms and dependencies, which costs more than to check
    and place an order. This one finds it out when the route is made.
    """

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Raises TypeError for a function that wants what this route does not read."""
        declared, function = self.dependant, self.endpoint
        if declared.dependencies or declared.cookie_params or len(declared.body_params) > 1:
            raise TypeError(f"{self.path}: a JsonRoute reads no dependencies, cookies and forms")
        path = [Parameter(field) for field in declared.path_params]
        query = [Parameter(field) for field in declared.query_params]
        headers = [Parameter(field) for field in declared.header_params]
        body = self.body_field

        async def handle(request: Request) -> Response:
            text = await request.body()
            must_be_json(request.method, text, request.headers)
            values: Values = {}
            errors: Errors = []
            for parameter in path:
                errors += parameter.read(request.path_params, values)
            for parameter in query:
                errors += parameter.read(request.query_params, values)
            for parameter in headers:
                errors += parameter.read(request.headers, values)
            if body is not None:
                errors += read_body(body, text, values)
            if errors:
                raise RequestValidationError(errors)
            answer: Awaitable[Response] = function(**values)
            return await answer

        return handle


class Parameter:
    """A parameter from path, query or headers: one by its name, a list of all of that name, or for
    a model all there are."""

    def __init__(self, field: Any) -> None:
        assert isinstance(field.field_info, Param)
        kind, source = field.field_info.annotation, field.field_info.in_.value
        self._field = field
        self._required = field.field_info.is_required()
        self._is_model = isinstance(kind, type) and issubclass(kind, BaseModel)
        self._is_list = get_origin(kind) is list
        self._where = (source,) if self._is_model else (source, field.alias)

    def read(self, given: Mapping[str, Any], values: Values) -> Errors:
        """Adds its value to `values`. Returns what is wrong with it."""
        value = self._find(given)
        if value is None:
            values[self._field.name] = self._field.default
            missing = {"type": "missing", "loc": self._where, "msg": "Field required"}
            return [missing] if self._required else []
        values[self._field.name], errors = self._field.validate(value, loc=self._where)
        return errors or []

    def _find(self, given: Mapping[str, Any]) -> Any:
        if self._is_model:
            return dict(given)
        if self._is_list:
            assert isinstance(given, ImmutableMultiDict | Headers)
            return given.getlist(self._field.alias) or None
        return given.get(self._field.alias)


def read_body(field: Any, text: bytes, values: Values) -> Errors:
    """Adds the body to `values`. Returns what is wrong with it. Raises RequestValidationError when
    it is not JSON."""
    if not text and not field.field_info.is_required():
        values[field.name] = field.default
        return []
    values[field.name], errors = field.validate(_parsed(text), loc=("body",))
    return errors or []


def _parsed(text: bytes) -> Any:
    try:
        return loads(text) if text else None
    except JSONDecodeError as error:
        wrong = {"type": "json_invalid", "loc": ("body", error.pos), "msg": error.msg}
        raise RequestValidationError([wrong]) from None


def must_be_json(method: str, body: bytes, headers: Headers) -> None:
    """Raises HTTPException 415 for a body that says it is something else, and for a POST that does
    not say it is JSON.

    Also for one without a body: a page from elsewhere can make a browser post a form, plain text or
    nothing at all here without asking first, but not with this type. For PUT and DELETE browsers
    always ask first, and nobody here says yes.
    """
    if not body and method != "POST":
        return
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(
            415, "send it with Content-Type: application/json (a POST without a body, too)"
        )


class JsonResponse(Response):
    """An answer that is already JSON text, or a value that dumps() turns into it."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return content if isinstance(content, bytes) else dumps(content)
