"""What gets in at all: bodies of bounded size that arrive in bounded time, and callers with the token if there is one.

Plain ASGI, outermost, so that nothing is parsed for a stranger.
"""

import asyncio
import hmac

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cqrs_demo.http.problems import Problem, problem_response

MAX_BODY = 64 * 1024
BODY_TIMEOUT = 10.0  # seconds for the whole body: a client that dribbles does not hold a place for ever


class Admission:
    """Reads the body before the app runs: 413 over 64 KiB, 408 when it does not arrive, 401 without the token."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check_token(scope)
            body = await self._read_body(scope, receive)
        except Problem as problem:
            await problem_response(problem)(scope, receive, send)
            return
        if scope["method"] == "HEAD":  # is GET without the body, and leaving that out is the server's part
            scope = {**scope, "method": "GET"}
        if body is not None:
            await self._app(scope, _replay(body, receive), send)

    def _check_token(self, scope: Scope) -> None:
        if self._expected is None:
            return
        given = dict(scope["headers"]).get(b"authorization", b"")
        if not hmac.compare_digest(given, self._expected):  # takes as long for a near miss as for a far one
            raise Problem(401, "unauthorized", "this service wants: Authorization: Bearer <CQRS_API_TOKEN>", {"WWW-Authenticate": "Bearer"})

    async def _read_body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body; None when the client left in the middle of it."""
        if scope["method"] in ("GET", "HEAD"):
            return b""
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > MAX_BODY:
            raise _too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    body += message.get("body", b"")
                    if len(body) > MAX_BODY:
                        raise _too_large()
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise Problem(408, "request-timeout", f"the body did not arrive within {BODY_TIMEOUT:.0f} s", {"Connection": "close"}) from None


def _too_large() -> Problem:
    return Problem(413, "content-too-large", f"a body may have at most {MAX_BODY} bytes", {"Connection": "close"})


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
