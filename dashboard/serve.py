"""What Streamlit runs: app.py behind the same door that the services have without a token.

Streamlit itself takes a WebSocket from any site whose name points here, and its pages work the
shop. (`server.allowedHosts` would look at the Host of WebSockets alone.) This stands before all of
it: pages, files and WebSockets.
"""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.starlette import App

from cqrs_demo import logs
from cqrs_demo.http.door import LOOPBACK, Door
from cqrs_demo.http.problems import Problem


class Guarded:
    """ASGI: refuses what the door does not let in, a WebSocket before it is opened."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if scope["type"] != "lifespan":
                self._door.check(scope["headers"])
        except Problem as problem:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": problem.code})
            else:
                await PlainTextResponse(problem.detail, problem.status)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


# As the services log: a line of JSON. Left to itself structlog draws tracebacks with all local
# variables, and among those are DSNs with their passwords.
logs.configure("dashboard")

address = st.get_option("server.address") or "0.0.0.0"  # noqa: S104  # what Streamlit listens on unless told
app = App(
    Path(__file__).with_name("app.py"),
    middleware=[Middleware(Guarded, door=Door(address, addresses=address not in LOOPBACK))],
)
