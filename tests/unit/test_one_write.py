"""A transport that gathers what is written in one turn of the event loop."""

import asyncio
from typing import cast

from cqrs_demo.http.one_write import LARGE, Gathering


class Recorder:
    def __init__(self) -> None:
        self.calls: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        self.calls.append(data)

    def close(self) -> None:
        self.calls.append("closed")

    def get_extra_info(self, name: str, _: object) -> str:
        return f"the {name}"


def calls_after(*writes: bytes, close: bool = False) -> tuple[list[bytes | str], list[bytes | str]]:
    """What reached the transport within the turn, and what had when it was over."""

    async def run() -> tuple[list[bytes | str], list[bytes | str]]:
        recorder = Recorder()
        transport = Gathering(cast(asyncio.Transport, recorder))
        assert transport.get_extra_info("peername") == "the peername"
        for data in writes:
            transport.write(data)
        if close:
            transport.close()
        within = recorder.calls.copy()
        await asyncio.sleep(0)
        return within, recorder.calls

    return asyncio.run(run())


def test_head_and_body_leave_together() -> None:
    assert calls_after(b"head ", b"body") == ([], [b"head body"])


def test_what_was_written_leaves_before_the_connection_is_closed() -> None:
    assert calls_after(b"head ", b"body", close=True) == (
        [b"head body", "closed"],
        [b"head body", "closed"],
    )


def test_a_stream_is_not_gathered_as_a_whole() -> None:
    chunk = b"x" * (LARGE // 2)
    assert calls_after(chunk, chunk, b"rest") == ([chunk + chunk], [chunk + chunk, b"rest"])
