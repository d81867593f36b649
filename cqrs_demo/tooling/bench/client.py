"""The load client: a process of its own that sends prepared requests over keep-alive connections
and times the answers.

It must not saturate before the server does, so it is as bare as Python gets: request bytes made
beforehand, an asyncio protocol on uvloop, and of an answer it reads the status, the length and
(when asked) the event id. What it can do at most is measured beside every result, against a server
that does nothing (see accept.py). Reads one Task from standard input, writes one LoadReport to
standard output, both JSON. Next: load.py, which starts it.
"""

import asyncio
import re
import sys
import time
from array import array
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import uuid4

import orjson
import psycopg

from cqrs_demo.tooling.bench import loop

WINDOW_POLL = 0.02  # seconds between looks at how much has arrived
# seconds without an arrival after which what is missing counts as lost, and the window moves on
STALLED = 2.0

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_EVENT = re.compile(rb"\r\nx-event-id: *([0-9a-f-]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Task:
    """What to send. Without `rate` every connection sends its next request when the last is
    answered (closed loop). With it, requests are due at even intervals and are timed from when they
    were due, not from when a connection was free for them."""

    host: str
    port: int
    requests: list[
        str
    ]  # whole HTTP requests, sent in turn; "{key}" in one becomes a text never sent before
    connections: int
    seconds: float
    rate: float | None = None
    most: int | None = None  # requests
    events: bool = False  # keep each accepted request's event id and the moment of its 201
    # At the most this many accepted orders not yet readable, as far as `arrived` (a query of one
    # number, on `dsn`) tells.
    window: int | None = None
    dsn: str = ""
    arrived: str = ""


@dataclass
class LoadReport:
    began: float = 0.0  # Unix time
    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    broken: int = 0  # requests that got no answer
    latencies: "array[float]" = field(default_factory=lambda: array("d"))  # seconds
    events: list[tuple[str, float]] = field(default_factory=list)  # id, Unix time of the 201
    cpu: float = 0.0  # share of one core that this client used


class Load:
    """The connections' common state: what to send next, whether to go on, and what came of it."""

    def __init__(self, task: Task) -> None:
        self.task, self.report = task, LoadReport()
        self._parts = [request.encode().split(b"{key}") for request in task.requests]
        self._prefix = uuid4().hex[:12].encode()
        self._sent = 0
        self._allowed = task.window
        self._idle: deque[Connection] = deque()
        self._due: deque[float] = deque()  # moments for which no connection was free yet
        self._over = False
        self._open = 0
        self.ended = asyncio.Event()

    def next_request(self) -> bytes | None:
        """None when there is nothing to send now."""
        if (
            self._over
            or self._sent == self.task.most
            or (self._allowed is not None and self._sent >= self._allowed)
        ):
            return None
        parts = self._parts[self._sent % len(self._parts)]
        self._sent += 1
        return parts[0] if len(parts) == 1 else (b"%s-%d" % (self._prefix, self._sent)).join(parts)

    def ready(self, connection: "Connection") -> None:
        """The connection is free: give it work, or let it wait."""
        since = (
            time.perf_counter()
            if self.task.rate is None
            else self._due.popleft()
            if self._due
            else None
        )
        if since is None or not self._send(connection, since):
            self._idle.append(connection)

    def _send(self, connection: "Connection", since: float) -> bool:
        request = self.next_request()
        if request is not None:
            connection.send(request, since)
        return request is not None

    def allow(self, arrived: int) -> None:
        assert self.task.window is not None
        self._allowed = arrived + self.task.window
        while self._idle and self._send(self._idle[0], time.perf_counter()):
            self._idle.popleft()

    async def keep_rate(self) -> None:
        assert self.task.rate is not None
        started, number = time.perf_counter(), 0
        while not self._over:
            now = time.perf_counter()
            while (due := started + number / self.task.rate) <= now:
                number += 1
                self._due.append(due)
                if self._idle:
                    self.ready(self._idle.popleft())
            await asyncio.sleep(max(due - time.perf_counter(), 0.0005))

    def answered(self, status: int, since: float, head: bytes) -> None:
        self.report.statuses[status] += 1
        self.report.latencies.append(time.perf_counter() - since)
        if self.task.events and status == 201 and (found := _EVENT.search(head)):
            self.report.events.append((found[1].decode(), time.time()))

    async def run(self) -> LoadReport:
        watcher = asyncio.create_task(self._watch_arrivals()) if self.task.window else None
        for _ in range(self.task.connections):
            await asyncio.get_running_loop().create_connection(
                lambda: Connection(self), self.task.host, self.task.port
            )
            self._open += 1
        started, cpu = time.perf_counter(), time.process_time()
        self.report.began = time.time()
        pace = asyncio.create_task(self.keep_rate()) if self.task.rate else None
        await asyncio.wait([asyncio.create_task(self.ended.wait())], timeout=self.task.seconds)
        self._over = True
        self.report.seconds = time.perf_counter() - started
        self.report.cpu = (time.process_time() - cpu) / self.report.seconds
        for task in filter(None, (pace, watcher)):
            task.cancel()
        await self._settle()
        return self.report

    async def _settle(self) -> None:
        """What is under way is answered and counted: the oracle must know of every accepted
        order."""
        deadline = time.perf_counter() + 10
        while len(self._idle) < self._open and time.perf_counter() < deadline:  # noqa: ASYNC110  # a moment, once
            await asyncio.sleep(0.005)

    def lost(self, connection: "Connection", *, waiting: bool) -> None:
        self._open -= 1
        self.report.broken += waiting
        if connection in self._idle:
            self._idle.remove(connection)
        if self._open == 0:
            self.ended.set()

    def done(self) -> bool:
        return self.task.most is not None and sum(self.report.statuses.values()) >= self.task.most

    async def _watch_arrivals(self) -> None:
        forgiven, last, since = 0, -1, time.perf_counter()
        async with await psycopg.AsyncConnection.connect(
            self.task.dsn, autocommit=True
        ) as connection:
            while True:
                row: Any = await (
                    await connection.execute(self.task.arrived.encode(), prepare=True)
                ).fetchone()
                arrived = int(row[0])
                if arrived != last:
                    last, since = arrived, time.perf_counter()
                elif time.perf_counter() - since > STALLED:
                    forgiven, since = max(self._sent - arrived, 0), time.perf_counter()
                self.allow(arrived + forgiven)
                await asyncio.sleep(WINDOW_POLL)


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._waiting = False
        self._since = 0.0
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(
            asyncio.WriteTransport, transport
        )  # uvloop's is one without saying so
        self._load.ready(self)

    def send(self, request: bytes, since: float) -> None:
        self._waiting, self._since = True, since
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        received = self._received = self._received + data if self._received else data
        end = received.find(b"\r\n\r\n")
        length = _LENGTH.search(received, 0, end + 2) if end >= 0 else None
        if length is None or len(received) < end + 4 + int(length[1]):
            return
        self._received, self._waiting = b"", False
        self._load.answered(int(received[9:12]), self._since, received[: end + 2])
        if self._load.done():
            self._load.ended.set()
        self._load.ready(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._load.lost(self, waiting=self._waiting)


async def _main() -> None:
    report = await Load(Task(**orjson.loads(sys.stdin.buffer.read()))).run()
    plain = {
        **vars(report),
        "statuses": {str(status): count for status, count in report.statuses.items()},
    }
    sys.stdout.buffer.write(orjson.dumps(plain | {"latencies": report.latencies.tolist()}))


if __name__ == "__main__":
    loop.run(_main())
