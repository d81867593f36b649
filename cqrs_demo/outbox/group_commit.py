"""Group commit: commands that arrive while a commit is under way share the next one.

A commit waits for the disk, and the disk does not care whether it writes one row or fifty. So a
command is written as ONE statement over a list of commands, and this decides how long the list is:
one when there is no hurry, many when there is. Each command is still accepted or refused by itself.
Next: order_service/commands.py, the statement.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import psycopg
import structlog
from psycopg.errors import DeadlockDetected, LockNotAvailable, QueryCanceled

from cqrs_demo.errors import TryLater
from cqrs_demo.outbox.submit import Execute, Row

log = structlog.get_logger()

LANES = 2  # commits under way at once: while one waits for the disk, the next gathers
MOST = 200  # commands in one commit
QUEUE_LIMIT = 5_000  # beyond this a client is told to come back rather than kept waiting

Waiting = tuple[Row, asyncio.Future[Row | None]]

LOCKED = (DeadlockDetected, LockNotAvailable, QueryCanceled)


class Overloaded(TryLater):
    code = "overloaded"


class GroupCommit:
    """Commits the commands that wait together; calls `committed` after each commit."""

    def __init__(self, execute: Execute, committed: Callable[[], None]) -> None:
        self._execute, self._committed = execute, committed
        self._waiting: deque[Waiting] = deque()
        self._lanes: set[asyncio.Task[None] | None] = set()

    async def submit(self, command: Row) -> Row | None:
        """The row that the command made, once it is committed; None when it was refused. Raises the
        driver's error when the database is away, Overloaded when too many commands wait."""
        if len(self._waiting) >= QUEUE_LIMIT:
            raise Overloaded(f"{QUEUE_LIMIT} commands are waiting already; try again")
        future: asyncio.Future[Row | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, future))
        if len(self._lanes) < LANES:
            self._lanes.add(asyncio.create_task(self._work()))
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._run(
                    [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
                )
        finally:
            # Here, with no await since the queue was seen empty. A done callback would run later:
            # a command submitted in between would find all lanes taken, and no lane would serve it.
            self._lanes.discard(asyncio.current_task())

    async def _run(self, batch: Sequence[Waiting]) -> Exception | None:
        """Commit, and tell each command what became of it. Returns what was wrong with the whole
        batch, if anything was."""
        try:
            rows = await self._execute([command for command, _ in batch])
        except Exception as error:
            if len(batch) > 1 and _one_is_to_blame(error):
                await self._run_each_alone(batch)
                return None
            _fail(batch, error)
            return error
        self._committed()
        log.info("committed", events=[str(row["event_id"]) for row in rows if row])
        for (_, future), row in zip(batch, rows, strict=True):
            if not future.done():  # done: its client has left
                future.set_result(row)
        return None

    async def _run_each_alone(self, batch: Sequence[Waiting]) -> None:
        """So that one command does not fail its neighbours. When a second command meets a lock, the
        table is locked, not a row: the rest fail at once instead of waiting one after the other."""
        locked = 0
        for position, one in enumerate(batch):
            error = await self._run([one])
            if isinstance(error, LOCKED):
                locked += 1
                if locked == 2:
                    _fail(batch[position + 1 :], error)
                    return


def _one_is_to_blame(error: Exception) -> bool:
    """Whether the error may concern a single command (a value, a lock somebody holds) rather than
    the database as a whole. The database itself must have said so: then nothing was committed.
    After any other error nobody knows, and what may be committed is never run again."""
    refused = isinstance(error, psycopg.Error) and error.sqlstate is not None
    return (refused and not isinstance(error, psycopg.OperationalError)) or isinstance(
        error, LOCKED
    )


def _fail(batch: Sequence[Waiting], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
