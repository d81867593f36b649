"""The sweep: ends the sagas whose deadline has passed, so that none waits for ever.

The deadline is a column and no timer in memory: it holds across a crash. Every copy of the service
sweeps; each takes rows that no other has in hand. Next: definition.py, "deadline".
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from cqrs_demo.backoff import Backoff
from cqrs_demo.database import Connection, Pool
from cqrs_demo.order_service.saga.process import happens, read_order
from cqrs_demo.outbox.append import Cause

log = structlog.get_logger()

EVERY = 0.5  # seconds
MOST = 100  # sagas in one transaction

TOO_LATE = "payment-service did not answer in time"

# A row that is locked gets its answer at this moment, or another copy sweeps it.
OVERDUE = """
select order_id from order_sagas
where state = 'reserving' and deadline < clock_timestamp()
order by deadline
limit %s
for update skip locked
"""

# A saga that begins in the future: the clock was set back. It waits from now on, or an order would
# be pending for as long as the clock was wrong.
CLOCK_SET_BACK = """
update order_sagas as saga
set began = clock_timestamp(), deadline = clock_timestamp() + (saga.deadline - saga.began)
from (
    select order_id from order_sagas
    where state = 'reserving' and began > clock_timestamp() + interval '1 second'
    for update skip locked
) as early
where saga.order_id = early.order_id
"""


class Sweep:
    """Run `run()` as a task. `committed` is called after each commit that sent events."""

    def __init__(self, pool: Pool, committed: Callable[[], None]) -> None:
        self._pool, self._committed = pool, committed
        self._stop = asyncio.Event()
        self.backoff = Backoff("sweep", self._stop)

    def stop(self) -> None:
        self._stop.set()

    async def run(self) -> None:
        """Sweep until stop() is called. Survives the database; tries again with growing pauses."""
        while not self._stop.is_set():
            try:
                ended = await self._sweep()
                self.backoff.over()
            except Exception as error:  # whatever: one that has ended looks like an idle one
                await self.backoff.wait_out(error)
                continue
            if ended < MOST:
                with suppress(TimeoutError):
                    async with asyncio.timeout(EVERY):
                        await self._stop.wait()

    async def _sweep(self) -> int:
        """End up to MOST overdue sagas. Returns how many there were."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(CLOCK_SET_BACK, prepare=True)
            ended = await end_overdue(connection)
        if ended:
            self._committed()
            log.info("sagas ended by their deadline", orders=ended)
        return len(ended)


async def end_overdue(connection: Connection) -> list[int]:
    """In the caller's transaction: up to MOST of them. Returns the orders' ids."""
    rows = await (await connection.execute(OVERDUE, [MOST], prepare=True)).fetchall()
    for row in rows:
        order = await read_order(connection, row["order_id"])
        assert order is not None, "a saga is made together with its order"
        await happens(connection, order, "deadline", TOO_LATE, Cause())
    return [row["order_id"] for row in rows]
