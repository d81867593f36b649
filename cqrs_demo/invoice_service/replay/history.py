"""The logs of the command services, read over HTTP: all that ever happened, a page at a time.

Nothing here knows a command service's database: the feed is part of what a service publishes. Next:
replay.py.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, TypeGuard, TypeVar
from uuid import UUID

import httpx
import orjson

from cqrs_demo.contract.codec import DecodeError, decode
from cqrs_demo.contract.events import (
    ORDER_SERVICE,
    USER_SERVICE,
    Event,
    KnownEvent,
    Unknown,
)
from cqrs_demo.invoice_service.projections.read_model import concerned
from cqrs_demo.messaging.broker import INVOICE_SERVICE

SOURCES = (USER_SERVICE, ORDER_SERVICE)
"""Whose logs are read, in the order of the URLs. user-service's first: then no invoice has to be
changed when its name comes."""

PAGE = 10_000  # events per request: some 4 MB, and as many objects
# Seconds a service may be away, or busy with a long write, before reading is given up.
PATIENCE = 60.0

Item = TypeVar("Item")


class LogUnavailable(Exception):
    """A command service's log cannot be read. The text says which and why."""


class LogChanged(Exception):
    """Another log answers at the same address, or the log has lost its end, since reading began."""


class Page(NamedTuple):
    """Events that were read together, without those that nobody asked for, and the position of the
    last line among them."""

    events: list[Event]
    last: int


@dataclass
class Log:
    """One service's log, how far what it tells has been handled, and where it ends as far as
    known."""

    client: httpx.AsyncClient
    url: str
    source: str
    """Whose log this should be, as its events say it."""
    user_id: int | None = None
    """Only this user's events, where it is set."""
    id: UUID | None = None
    """Which log it is, once something was read."""
    told_source: str = ""
    """Whose log it says it is, once there was an event."""
    position: int = 0
    end: int = 0
    unreadable: set[int] = field(default_factory=set)
    """Positions of what is no event of the published language. The consumer sets such a message
    aside as a dead letter."""

    async def pages(self, upto: int, patience: float) -> AsyncIterator[Page]:
        """What comes after `position`, to the end of the page that holds `upto`. Raises
        LogUnavailable when the service does not answer within `patience` seconds, LogChanged when
        another log answers."""
        async for lines in _ahead(self._lines(upto, patience)):
            self.told_source = orjson.loads(lines[-1])["source"]
            # In a thread, so that the database goes on while a page is decoded.
            yield Page(await asyncio.to_thread(self._decode, lines), _sequence(lines[-1]))

    async def _lines(self, upto: int, patience: float) -> AsyncIterator[list[bytes]]:
        after = self.position
        while after < upto and (lines := await self._get(after, PAGE, patience)):
            yield lines
            after = _sequence(lines[-1])

    async def find_end(self, patience: float = PATIENCE) -> int:
        """Where the log ends now. Raises LogUnavailable, LogChanged."""
        await self._get(self.position, 1, patience)
        return self.end

    async def _get(self, after: int, limit: int, patience: float) -> list[bytes]:
        deadline = asyncio.get_running_loop().time() + patience
        query: dict[str, int | str] = {"after": after, "limit": limit, "complete": "true"}
        while True:
            try:
                answer = await self.client.get(self.url, params=query)
                answer.raise_for_status()
                self._recognise(answer.headers)
                return answer.content.splitlines()
            except httpx.HTTPError as error:
                if asyncio.get_running_loop().time() > deadline or _is_refusal(error):
                    raise LogUnavailable(
                        f"the log at {self.url} cannot be read: {error or type(error).__name__}"
                    ) from error
            await asyncio.sleep(0.2)

    def _recognise(self, headers: httpx.Headers) -> None:
        """Two requests of one run may reach two systems: a service ends, and another has its
        port."""
        try:
            id, end = UUID(headers["X-Log-Id"]), int(headers["X-Log-Horizon"])
        except (KeyError, ValueError):
            raise LogUnavailable(
                f"what answers at {self.url} does not say which log it is (X-Log-Id): it is no "
                "command service, or one of an older version"
            ) from None
        if self.id not in (None, id) or end < self.end:
            raise LogChanged(
                f"while the log at {self.url} was read, another took its place. Nothing was "
                "changed; try again"
            )
        self.id, self.end = id, end

    def _decode(self, lines: Sequence[bytes]) -> list[Event]:
        events: list[Event] = []
        digits = str(self.user_id).encode() if self.user_id else b""
        for line in lines:
            if digits not in line:  # cheaper than to decode what is somebody else's
                continue
            try:
                event = decode(line)
            except DecodeError:
                self.unreadable.add(_sequence(line))
            else:
                if _is_subscribed(event) and self.user_id in (None, concerned(event)):
                    events.append(event)
        return events


def _is_subscribed(event: Event) -> TypeGuard[KnownEvent]:
    """What the consumer gets over the broker, too. A log holds more: what its service asks others
    for."""
    topic = event.type.partition(".")[0]
    return not isinstance(event, Unknown) and topic in INVOICE_SERVICE.topics


async def _ahead(items: AsyncIterator[Item]) -> AsyncIterator[Item]:
    """The same items, the next one on its way while one is worked on."""
    coming = asyncio.ensure_future(anext(items, None))
    try:
        while (item := await coming) is not None:
            coming = asyncio.ensure_future(anext(items, None))
            yield item
    finally:
        coming.cancel()


def _sequence(line: bytes) -> int:
    return int(orjson.loads(line)["sequence"])


def _is_refusal(error: httpx.HTTPError) -> bool:
    """An answer that will be the same the next time: no token, no such path."""
    return isinstance(error, httpx.HTTPStatusError) and error.response.is_client_error


@dataclass
class Progress:
    """How far a run over the logs has come; `tell` is called after every page, and at every
    step."""

    tell: Callable[["Progress"], None] = lambda _: None
    step: str = "starting"
    events: int = 0
    """Events that were handled."""
    position: int = 0
    """How far the logs have been handled, of `end`: positions of both together."""
    end: int = 0

    def enter(self, step: str) -> None:
        self.step = step
        self.tell(self)


@dataclass
class History:
    """The logs together, in the order of SOURCES."""

    logs: Sequence[Log]
    progress: Progress = field(default_factory=Progress)

    async def pages(self, patience: float = PATIENCE) -> AsyncIterator[list[Event]]:
        """What has not been handled yet of what was committed before the call. (Not of what comes
        meanwhile: where orders keep coming, that has no end.) While one page is handled, the next
        is decoded and the one after it fetched. Raises LogUnavailable."""
        for log in self.logs:
            async for events, last in _ahead(log.pages(await log.find_end(patience), patience)):
                if events:
                    yield events
                log.position = last
                self.progress.events += len(events)
                self.progress.position = sum(log.position for log in self.logs)
                self.progress.end = sum(log.end for log in self.logs)
                self.progress.tell(self.progress)

    @property
    def unreadable(self) -> int:
        return sum(len(log.unreadable) for log in self.logs)

    def mark(self) -> Callable[[], None]:
        """Remember how far the logs have been handled; calling the result goes back there."""
        positions, events = [log.position for log in self.logs], self.progress.events

        def go_back() -> None:
            self.progress.events = events
            for log, position in zip(self.logs, positions, strict=True):
                log.position = position

        return go_back


@asynccontextmanager
async def open_history(
    urls: Sequence[str], token: str | None, progress: Progress, *, user_id: int | None = None
) -> AsyncIterator[History]:
    """`urls` are the command services' with their prefixes, in the order of SOURCES. With
    `user_id`, that user's events alone. Raises LogUnavailable when one does not answer, or refuses.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(headers=headers, timeout=10, trust_env=False) as client:
        pairs = zip(urls, SOURCES, strict=True)
        logs = [Log(client, f"{url}/events", source, user_id) for url, source in pairs]
        progress.end = sum([await log.find_end() for log in logs])
        yield History(logs, progress)
