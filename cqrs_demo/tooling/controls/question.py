"""A question to a database or a broker that may hang: nobody waits long for the answer, and no
second one is asked while the first is open.

(To cancel a query does not end it: psycopg waits until a server that is frozen hears of it.)
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, ParamSpec, TypeVar

from cqrs_demo.database import AWAY
from cqrs_demo.messaging.broker import BrokerError

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

WITHIN = 0.5  # seconds


class Question(Generic[Parameters, Result]):
    """Nobody waits longer for the answer than `within` seconds; half a second unless told."""

    def __init__(
        self, ask: Callable[Parameters, Awaitable[Result]], within: float | None = None
    ) -> None:
        self._ask, self._within = ask, within
        self._open: asyncio.Task[Result] | None = None

    async def answer(
        self, *arguments: Parameters.args, **named: Parameters.kwargs
    ) -> Result | None:
        """Asked after this call began. None while there is no answer to be had."""
        while self._open is not None and not self._open.done():
            if not await self._done(self._open):
                return None
        self._open = asked = asyncio.create_task(self._now(*arguments, **named))
        asked.add_done_callback(_seen)
        if not await self._done(asked):
            return None
        try:
            return asked.result()
        except (*AWAY, BrokerError):
            return None

    async def _now(self, *arguments: Parameters.args, **named: Parameters.kwargs) -> Result:
        return await self._ask(*arguments, **named)

    async def _done(self, task: "asyncio.Task[Result]") -> bool:
        done, _ = await asyncio.wait({task}, timeout=self._within or WITHIN)
        return bool(done)


def _seen(task: "asyncio.Task[Result]") -> None:
    """An error that comes when nobody waits any more is no news: the next who asks gets it."""
    if not task.cancelled():
        task.exception()
