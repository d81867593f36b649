"""The head of a request must arrive in bounded time. (For its body: admission.py.)"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_TIMEOUT = 10.0  # seconds from the first byte of a request's head to its last


class HeadLimit(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with a limit for half-sent heads.

    uvicorn has a limit for idle connections only. It begins with an answer and ends with the next
    byte, whatever that is. So this one begins where uvicorn's is not: with a connection, and with a
    byte that completes no head. A head that comes in one piece, as nearly all do, sets no timer.
    """

    _limit: asyncio.TimerHandle | None = None
    _in_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own annotation
        super().connection_made(transport)
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
