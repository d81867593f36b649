"""A pace for relay and consumer by which a workshop can stop time and let single messages pass."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Literal
from uuid import UUID

from cqrs_demo.pace import Pace
from cqrs_demo.tooling.controls.latest import Latest
from cqrs_demo.tooling.controls.passages import Passages

Mode = Literal["running", "paused"]

HANDLED = "handled"
"""What a consumer has done with, whatever became of it; see passage_routes.py."""

LOOK_AGAIN = 0.5  # seconds a loop waits at the closed gate before it may look after other things


class Gate(Pace):
    """One loop passes through it; any number of requests open and close it. Events that are seen
    are noted as `seen`; where the loop has them in hand for a while, the end of that is noted as
    `done`."""

    def __init__(self, seen: str, done: str | None = None) -> None:
        self.mode: Mode = "running"
        self.passages = Passages()
        self.passed = 0  # events, since the service started
        self.latest = Latest()
        self._seen, self._done = seen, done
        self._in_hand: Sequence[UUID] = ()
        self._since: datetime | None = None
        self._allowance = 0
        self._moving = False
        self._changed = asyncio.Condition()

    # For the loop.

    @asynccontextmanager
    async def turn(self, most: int) -> AsyncIterator[int]:
        async with self._changed:
            await self._until(lambda: self.allows(1) > 0, LOOK_AGAIN)
            admitted = self.allows(most)
            self._moving = admitted > 0
        try:
            yield admitted
        finally:
            async with self._changed:
                self._moving = False
                self._changed.notify_all()

    def allows(self, most: int) -> int:
        return most if self.mode == "running" else min(most, self._allowance)

    def seen(self, events: Sequence[UUID], at: datetime | None = None) -> None:
        at = self.passages.note(events, at, what=self._seen)
        self.passed += len(events)
        self._in_hand = events
        self._since = self._since or at  # a batch that is tried again is still the same hand

    def projected(self, events: Sequence[UUID]) -> None:
        self.latest.note(events)

    def moved(self, count: int) -> None:
        self._allowance = max(0, self._allowance - count)
        if self._done is not None:
            self.passages.note(self._in_hand, what=self._done, since=self._since)
        self._in_hand, self._since = (), None

    # For whoever stops time.

    async def resume(self) -> None:
        async with self._changed:
            self.mode = "running"
            self._changed.notify_all()

    async def pause(self, wait: float = 5.0) -> bool:
        """Close, and wait until the batch in hand is done: after True nothing moves. False when it
        is still moving after `wait` seconds."""
        async with self._changed:
            self.mode = "paused"
            return await self._until(lambda: not self._moving, wait)

    async def step(self, count: int, wait: float = 2.0) -> int:
        """Let `count` messages pass a closed gate. Returns how many did within `wait` seconds:
        fewer when there are fewer."""
        async with self._changed:
            self._allowance = count
            self._changed.notify_all()
            await self._until(lambda: self._allowance == 0, wait)
            moved, self._allowance = count - self._allowance, 0
            await self._until(lambda: not self._moving, wait)
            return moved

    async def _until(self, holds: Callable[[], bool], wait: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._changed.wait_for(holds)
        return holds()
