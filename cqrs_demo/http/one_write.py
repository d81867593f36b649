"""Head and body of an answer leave together: one system call and one packet, where uvicorn alone
makes two of each. And the head of a request must arrive in bounded time.

For a server with small answers writing is much of what it does: without this, accepting a command
cost a fifth more.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGE = 64 * 1024  # bytes that are sent at once, so that a stream is not gathered as a whole
HEAD_TIMEOUT = 10.0  # seconds from the first byte of a request's head to its last


class OneWrite(HttpToolsProtocol):
    """uvicorn's HTTP protocol on a transport that gathers, with a limit for half-sent heads.

    uvicorn has a limit for idle connections only; it begins with an answer and is over with the
    next byte, whatever that is. So ours begins where uvicorn's is not: with a connection, and with
    a byte that completes no head. A head that comes in one piece, as nearly all do, sets no timer.
    """

    _limit: asyncio.TimerHandle | None = None
    _in_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own annotation
        super().connection_made(cast(asyncio.Transport, Gathering(transport)))
        self._set_limit()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._limit is None and (self._in_head or not self._answering()):
            self._set_limit()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._lift_limit()
        self._in_head = True

    def on_headers_complete(self) -> None:
        self._lift_limit()
        self._in_head = False
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lift_limit()
        super().connection_lost(exc)

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _set_limit(self) -> None:
        seconds = HEAD_TIMEOUT if self._in_head else self.timeout_keep_alive
        self._limit = self.loop.call_later(seconds, self._limit_is_over)

    def _lift_limit(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _limit_is_over(self) -> None:
        """Not while an answer is under way: until it is complete, uvicorn may not be reading."""
        if self._answering():
            self._set_limit()
        else:
            self.transport.close()


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
