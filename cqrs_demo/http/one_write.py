"""Head and body of an answer leave together: one system call and one packet, where uvicorn alone
makes two of each.

For a server with small answers that is much of what it does: without this, accepting a command cost
a fifth more.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGE = 64 * 1024  # bytes that are sent at once, so that a stream is not gathered as a whole


HEAD_TIMEOUT = 10.0
"""Seconds for the whole head of a request: a client that dribbles does not hold a place for ever.
(uvicorn has a limit for idle connections only; the body's stands in admission.py.)"""


class OneWrite(HttpToolsProtocol):
    """uvicorn's HTTP protocol on a transport that gathers, with a limit for half-sent heads."""

    _head_limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own annotation
        super().connection_made(cast(asyncio.Transport, Gathering(transport)))
        self._limit_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head_limit is None:
            self._limit_head()

    def on_headers_complete(self) -> None:
        self._unlimit_head()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unlimit_head()
        super().connection_lost(exc)

    def _limit_head(self) -> None:
        self._head_limit = self.loop.call_later(HEAD_TIMEOUT, self.transport.close)

    def _unlimit_head(self) -> None:
        if self._head_limit is not None:
            self._head_limit.cancel()
            self._head_limit = None


class Gathering:
    """Stands for a transport, and writes to it when the event loop's turn is over."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._gathered = bytearray()
        self._call_soon = asyncio.get_running_loop().call_soon

    def write(self, data: bytes) -> None:
        if not self._gathered:
            self._call_soon(self._send)
        self._gathered += data
        if len(self._gathered) >= LARGE:
            self._send()

    def _send(self) -> None:
        if self._gathered:
            self._transport.write(bytes(self._gathered))
            self._gathered.clear()

    def close(self) -> None:
        self._send()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
