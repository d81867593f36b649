"""A gate that relay and consumer pass with every batch, so that a workshop can stop time and move
one event at a time.

Outside a workshop it stands open and costs nothing.
"""

import asyncio
from collections.abc import Callable
from typing import Literal

Mode = Literal["running", "paused"]


class Gate:
    """One task passes through it (the relay's or the consumer's loop); any number of requests open
    and close it."""

    def __init__(self) -> None:
        self.mode: Mode = "running"
        self._allowance = 0
        self._changed = asyncio.Condition()
        self._resting = False

    def admits(self, most: int) -> int:
        """How many messages may pass now, `most` at the most."""
        return most if self.mode == "running" else min(most, self._allowance)

    async def passed(self, count: int) -> None:
        """The loop tells that so many did pass."""
        if self._allowance and count:
            async with self._changed:
                self._allowance = max(0, self._allowance - count)
                self._changed.notify_all()

    async def rest(self) -> None:
        """The loop has nothing in hand; it waits here until something may pass."""
        async with self._changed:
            self._resting = True
            self._changed.notify_all()
            try:
                await self._changed.wait_for(lambda: self.admits(1) > 0)
            finally:
                self._resting = False

    async def resume(self) -> None:
        async with self._changed:
            self.mode = "running"
            self._changed.notify_all()

    async def pause(self, wait: float = 5.0) -> bool:
        """Close, and wait until the batch in hand is done: after True nothing moves. False when it
        is still moving after `wait` seconds."""
        async with self._changed:
            self.mode = "paused"
            return await self._until(lambda: self._resting, wait)

    async def step(self, count: int, wait: float = 2.0) -> int:
        """Let `count` messages pass a closed gate. Returns how many did within `wait` seconds:
        fewer when there are fewer."""
        async with self._changed:
            self._allowance = count
            self._changed.notify_all()
            await self._until(lambda: self._allowance == 0, wait)
            moved, self._allowance = count - self._allowance, 0
            await self._until(lambda: self._resting, wait)
            return moved

    async def _until(self, holds: Callable[[], bool], wait: float) -> bool:
        try:
            async with asyncio.timeout(wait):
                await self._changed.wait_for(holds)
        except TimeoutError:
            return False
        return True
