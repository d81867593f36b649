"""What relay and consumer do when something fails: say so once, wait a growing time, try again."""

import asyncio
from contextlib import suppress

import structlog

log = structlog.get_logger()

FIRST, LAST = 0.1, 5.0  # seconds between attempts


class Backoff:
    """`trouble` says what is wrong, in one line, or None."""

    def __init__(self, who: str, stop: asyncio.Event) -> None:
        """`who` names the worker in the log. A wait ends at once when `stop` is set."""
        self._who, self._stop = who, stop
        self._seconds = FIRST
        self.trouble: str | None = None

    async def wait_out(self, error: Exception, *, loud: bool = False) -> None:
        """Note the trouble, and return when it is time to try again. `loud`: it will not pass by
        itself."""
        trouble = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        if trouble != self.trouble:
            self.trouble = trouble
            if loud:
                log.error(
                    "it does not pass by itself, and no message is to blame; all are kept",
                    who=self._who,
                    exc_info=error,
                )
            else:
                log.warning("in trouble, nothing is lost", who=self._who, trouble=trouble)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                await self._stop.wait()
        self._seconds = min(self._seconds * 2, LAST)

    def over(self) -> None:
        """It works."""
        self.trouble, self._seconds = None, FIRST
