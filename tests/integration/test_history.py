"""The logs together, as replay and verify read them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
import pytest

from cqrs_demo.invoice_service.replay.history import History, Log, LogChanged, LogUnavailable

LOG_ID = uuid4()


class GrowingLog:
    """A command service that takes another order while each request for its log is answered."""

    def __init__(self, length: int) -> None:
        self.length = length

    def answer(self, request: httpx.Request) -> httpx.Response:
        after, limit = int(request.url.params["after"]), int(request.url.params["limit"])
        end, self.length = self.length, self.length + 1
        lines = [event(position) for position in range(after + 1, min(after + limit, end) + 1)]
        return httpx.Response(
            200, text="".join(lines), headers={"X-Log-Id": str(LOG_ID), "X-Log-Horizon": str(end)}
        )


def event(position: int) -> str:
    order = {
        "id": position,
        "user_id": 1,
        "description": "Widget",
        "amount": 1,
        "purchase_dt": "2025-04-03T10:00:00Z",
    }
    envelope = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "/order-service",
        "type": "order.created",
        "subject": "1",
    }
    return (
        json.dumps(
            {**envelope, "time": "2025-04-03T10:00:00Z", "sequence": str(position), "data": order}
        )
        + "\n"
    )


@asynccontextmanager
async def history(log: GrowingLog, user_id: int | None = None) -> AsyncIterator[History]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(log.answer)) as client:
        yield History([Log(client, "http://order-service/events", "/order-service", user_id)])


async def read(past: History) -> list[int]:
    return [event.sequence async for page in past.pages() for event in page]


def test_reading_ends_although_the_log_keeps_growing() -> None:
    async def twice() -> tuple[list[int], list[int], int]:
        log = GrowingLog(length=12_000)
        async with history(log) as past:
            return await read(past), await read(past), log.length

    # Given a log that is longer each time it is looked at, when it is read, and read on
    first, second, length = asyncio.run(twice())

    # Then what was there at the beginning is read each time, and nothing twice
    assert first[:12_000] == list(range(1, 12_001))
    assert first + second == list(range(1, len(first) + len(second) + 1))
    assert len(first) + len(second) < length


def test_reading_one_users_events_ends_although_others_keep_ordering() -> None:
    async def read_one() -> list[int]:
        async with history(GrowingLog(length=30), user_id=2) as past:
            return await read(past)

    assert asyncio.run(read_one()) == []


def test_a_log_that_is_replaced_while_it_is_read_ends_the_reading() -> None:
    class ReplacedLog(GrowingLog):
        """Another system's, or an older one of its own, from the third request on."""

        def __init__(self, length: int, **other: str) -> None:
            super().__init__(length)
            self.other, self.requests = other, 0

        def answer(self, request: httpx.Request) -> httpx.Response:
            answer = super().answer(request)
            self.requests += 1
            answer.headers.update(
                {name.replace("_", "-"): value for name, value in self.other.items()}
                if self.requests > 2
                else {}
            )
            return answer

    async def read_through(log: GrowingLog) -> None:
        async with history(log) as past:
            await read(past)

    for other in ({"x_log_id": str(uuid4())}, {"x_log_horizon": "12"}):
        with pytest.raises(LogChanged, match="another took its place"):
            asyncio.run(read_through(ReplacedLog(25_000, **other)))


def test_what_does_not_say_which_log_it_is_cannot_be_read() -> None:
    class NamelessLog(GrowingLog):
        def answer(self, request: httpx.Request) -> httpx.Response:
            answer = super().answer(request)
            del answer.headers["X-Log-Id"]
            return answer

    async def read_nameless() -> None:
        async with history(NamelessLog(3)) as past:
            await read(past)

    with pytest.raises(LogUnavailable, match="does not say which log it is"):
        asyncio.run(read_nameless())


def test_a_page_that_was_not_handled_is_read_again() -> None:
    async def interrupted() -> tuple[int, list[int]]:
        async with history(GrowingLog(length=25_000)) as past:
            # Given a reader that asks for a second page, with others on their way, and does not
            # come back from it
            pages = past.pages()
            first, _ = await anext(pages), await anext(pages)
            # When the logs are read on
            return len(first), await read(past)

    handled, rest = asyncio.run(interrupted())
    # Then it goes on with that page
    assert rest[0] == handled + 1
    assert rest[-1] >= 25_000
    assert rest == list(range(rest[0], rest[-1] + 1))
