"""What gets in at all: callers with the token, or without one callers of this machine; and bodies
of bounded size that arrive in bounded time.

Plain ASGI, outermost, so that nothing is parsed for a stranger. Next: door.py.
"""

import asyncio
import hmac

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cqrs_demo.http.door import Door
from cqrs_demo.http.problems import Problem, problem_response

MAX_BODY = 64 * 1024
BODY_TIMEOUT = (
    10.0  # seconds for the whole body: a client that dribbles does not hold a place for ever
)


class Admission:
    """Reads the body before the app runs: 413 over 64 KiB, 408 when it does not arrive. 401 without
    the token; where there is no token, 421 and 403 for what a foreign web page sends. With a token
    no page gets in, and a service has many names."""

    def __init__(self, app: ASGIApp, token: str | None, host: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode() if token else None
        self._door = Door(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check_caller(scope)
            body = await self._read_body(scope, receive)
        except Problem as problem:
            await problem_response(problem)(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        if body is not None:
            await self._app(scope, _replay(body, receive), send)

    def _check_caller(self, scope: Scope) -> None:
        if self._expected is None:
            self._door.check(scope["headers"])
            return
        given = dict(scope["headers"]).get(b"authorization", b"")
        if not hmac.compare_digest(
            given, self._expected
        ):  # takes as long for a near miss as for a far one
            raise Problem(
                401,
                "unauthorized",
                "this service wants: Authorization: Bearer <CQRS_API_TOKEN>",
                {"WWW-Authenticate": "Bearer"},
            )

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
            raise Problem(
                408,
                "request-timeout",
                f"the body did not arrive within {BODY_TIMEOUT:.0f} s",
                {"Connection": "close"},
            ) from None


def _too_large() -> Problem:
    return Problem(
        413,
        "content-too-large",
        f"a body may have at most {MAX_BODY} bytes",
        {"Connection": "close"},
    )


def _without_body(send: Send) -> Send:
    """HEAD is GET that ends after the head: a body without an end, such as a followed feed's, must
    not be waited for. (Once the answer is complete, receive() says that the client has gone, and
    the app stops making the body.)"""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body"})

    return sent


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
