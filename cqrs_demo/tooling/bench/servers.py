"""Two servers that do nothing, to compare with: what the load client can send at most, and what the
HTTP framework costs.

`nothing` is a socket that answers whatever it gets; `framework` is FastAPI under uvicorn, as their
documentation has it, with a route that takes no body and answers a constant.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from cqrs_demo.tooling.bench import loop
from cqrs_demo.tooling.bench.rig import RigFailed, wait_until
from cqrs_demo.tooling.runtime.ports import HOST, answers, free_port

_ANSWER = (
    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: "
    b'14\r\n\r\n{"id": "same"}'
)


@contextmanager
def server(kind: str) -> Iterator[str]:
    """The URL of one, in a process of its own. Raises RigFailed when it does not start."""
    port = free_port()
    with child(
        [sys.executable, "-P", "-m", "cqrs_demo.tooling.bench.servers", kind, str(port)], port
    ):
        yield f"http://{HOST}:{port}/orders"


@contextmanager
def child(
    command: list[str], port: int, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process, from when it listens on `port` until the block is left."""
    process = subprocess.Popen(  # noqa: S603  # our own program
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        if (
            not wait_until(lambda: answers(HOST, port) or process.poll() is not None, seconds=30)
            or process.poll() is not None
        ):
            process.kill()
            said = process.stderr.read() if process.stderr else b""
            raise RigFailed(
                f"{' '.join(command)} did not start:\n{said.decode(errors='replace')[-2000:]}"
            )
        yield process
    finally:
        process.terminate()
        process.wait()


class _Nothing(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(
            asyncio.WriteTransport, transport
        )  # uvloop's is one without saying so

    def data_received(self, data: bytes) -> None:
        self._transport.write(
            _ANSWER
        )  # one read is one request: the client never has two under way


async def _serve_nothing(port: int) -> None:
    listener = await asyncio.get_running_loop().create_server(_Nothing, HOST, port)
    await listener.serve_forever()


def _serve_framework(port: int) -> None:
    import uvicorn
    from fastapi import FastAPI

    app = FastAPI()

    @app.post("/orders", status_code=201)
    async def constant() -> dict[str, str]:
        return {"id": "same"}

    uvicorn.run(app, host=HOST, port=port, access_log=False, log_config=None)


if __name__ == "__main__":
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind == "framework":
        _serve_framework(port)
    else:
        loop.run(_serve_nothing(port))
