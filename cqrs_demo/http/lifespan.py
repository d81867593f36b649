"""Start and stop of a service: its pool, its broker, and the one task that runs beside its requests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from fastapi import FastAPI

from cqrs_demo.database import Pool
from cqrs_demo.messaging.broker import Broker

STOP_SECONDS = 1.2  # for the batch in hand; after that it is broken off, which is safe, only less tidy
CLOSE_SECONDS = 0.4  # for each step after it: with the two seconds that requests get, all is done within five


class Worker(Protocol):
    """The relay, or the consumer."""

    async def run(self) -> None: ...

    async def stop(self) -> None: ...


def lifespan(pool: Pool, broker: Broker, worker: Worker) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Starts without database and broker, and heals when they come."""

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        await pool.open(wait=False)
        task = asyncio.create_task(worker.run())
        yield
        await worker.stop()
        await asyncio.wait([task], timeout=STOP_SECONDS)
        task.cancel()
        await asyncio.wait([task], timeout=CLOSE_SECONDS)
        # On a line that hangs, closing hangs too. The process is about to end, and ends it.
        closing = [asyncio.create_task(broker.close()), asyncio.create_task(pool.close(timeout=CLOSE_SECONDS))]
        await asyncio.wait(closing, timeout=CLOSE_SECONDS)

    return running
