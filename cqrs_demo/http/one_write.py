"""Speed, and nothing else: head and body of an answer leave together, in one system call and one
packet, where uvicorn alone makes two of each.

Off by one line in service.py (`http=HeadLimit`). For a server with small answers writing is much of
what it does: without this, an answer costs a third more.
"""

import asyncio

from cqrs_demo.http.head_limit import HeadLimit

LARGE = 64 * 1024  # bytes that are sent at once, so that a stream is not gathered as a whole


class OneWrite(HeadLimit):
    """The HTTP protocol on a transport that gathers what is written."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own annotation
        super().connection_made(Gathering(transport))


class Gathering(asyncio.Transport):
    """A transport that writes when the event loop's turn is over. What uvicorn asks of it besides
    is answered by the transport it stands before."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._gathered = bytearray()
        self._call_soon = asyncio.get_running_loop().call_soon

    def write(self, data: bytes | bytearray | memoryview) -> None:
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

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()
