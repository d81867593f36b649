"""Start and stop of a service: its pool, its broker, and the tasks that run beside its requests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import structlog
from fastapi import FastAPI

from cqrs_demo.backoff import Backoff
from cqrs_demo.database import Pool
from cqrs_demo.messaging.broker import Broker

log = structlog.get_logger()

STOP_SECONDS = (
    1.2  # for the batch in hand; after that it is broken off, which is safe, only less tidy
)
CLOSE_SECONDS = (
    0.4  # for each step after it: with the two seconds that requests get, all is done within five
)


class Worker(Protocol):
    """The relay, or the consumer."""

    backoff: Backoff

    async def run(self) -> None: ...

    def stop(self) -> None:
        """Finish the batch in hand, then let run() return."""
        ...


class Workers:
    """The tasks that run beside the requests, each watched. A task that ends by itself is a bug,
    and a service without it looks well and does nothing: so the health check fails, and the process
    exits for its supervisor to start it again."""

    def __init__(self, **workers: Worker) -> None:
        self.by_name = workers
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.ended: dict[str, str] = {}
        """Why a worker has ended, by its name. Empty while all is well."""

    def start(self) -> None:
        for name, worker in self.by_name.items():
            self._tasks[name] = asyncio.create_task(self._watch(name, worker))

    async def _watch(self, name: str, worker: Worker) -> None:
        why = "it returned"
        try:
            await worker.run()
        except Exception as error:
            why = f"{type(error).__name__}: {error}".splitlines()[0]
            log.error("worker ended", worker=name, exc_info=error)
        self.ended[name] = f"ended: {why}"

    async def stop(self) -> None:
        """Within STOP_SECONDS, politely; then not."""
        for worker in self.by_name.values():
            worker.stop()
        await asyncio.wait(self._tasks.values(), timeout=STOP_SECONDS)
        for task in self._tasks.values():
            task.cancel()
        await asyncio.wait(self._tasks.values(), timeout=CLOSE_SECONDS)


def lifespan(
    pool: Pool, broker: Broker, workers: Workers
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Starts without database and broker, and heals when they come."""

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        await pool.open(wait=False)
        workers.start()
        yield
        await workers.stop()
        # On a line that hangs, closing hangs too. The process is about to end, and ends it.
        closing = [
            asyncio.create_task(broker.close()),
            asyncio.create_task(pool.close(timeout=CLOSE_SECONDS)),
        ]
        await asyncio.wait(closing, timeout=CLOSE_SECONDS)

    return running
