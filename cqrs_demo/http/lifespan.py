"""Start and stop of a service: its pool, its broker, and the one task that runs beside its requests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from fastapi import FastAPI

from cqrs_demo.database import Pool
from cqrs_demo.messaging.broker import Broker

STOP_SECONDS = 3.0  # for the batch in hand; after that it is broken off, which is safe, only less tidy


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
        await asyncio.wait([task])
        await broker.close()
        await pool.close(timeout=1)

    return running
