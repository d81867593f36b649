"""Replay and verify as something that runs beside the requests and can be watched.

In a thread with an event loop of its own: to project a million events is work for a processor, and
queries must not wait for it. It dies with the service, which leaves the live model as it was, like
any other death. (`cqrs-demo replay` does the same work in a process of its own.)
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import structlog

from cqrs_demo.errors import Conflict, NotFound
from cqrs_demo.invoice_service.replay.history import (
    History,
    LogChanged,
    LogUnavailable,
    Progress,
    open_history,
)
from cqrs_demo.invoice_service.replay.shadow import AlreadyRunning, SwapRefused

log = structlog.get_logger()

Action = Callable[[History], Awaitable[Any]]
State = Literal["running", "done", "failed", "stopped"]

ENOUGH = 1.0  # seconds of reading, before which nobody can say how long the rest takes


@dataclass
class Run:
    """One replay or verify, as it is now. `result` is there once it is done, `error` once it has
    failed."""

    kind: str
    progress: Progress = field(default_factory=Progress)
    state: State = "running"
    error: str | None = None
    result: Any = None
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    _clock: float = field(default_factory=time.monotonic)
    _seconds: float | None = None
    _stop_asked: bool = False
    _cancel: Callable[[], object] = lambda: None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _first_page: tuple[float, int] | None = None
    """When it was read, and up to where."""

    def __post_init__(self) -> None:
        self.progress.tell = self._told

    def _told(self, progress: Progress) -> None:
        if self._first_page is None and progress.position:
            self._first_page = (time.monotonic(), progress.position)

    def ask_to_stop(self) -> None:
        """Also before its work has begun: it then ends at its first step."""
        with self._lock, suppress(RuntimeError):  # its loop is closed: it has ended already
            self._stop_asked = True
            self._cancel()

    def working_in(self, task: "asyncio.Task[Any]") -> None:
        """From now on a stop cancels this task. Called in the loop of the task."""
        loop = asyncio.get_running_loop()
        with self._lock:
            self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
            if self._stop_asked:
                task.cancel()

    def end(self, state: State, *, result: Any = None, error: str | None = None) -> None:
        self._seconds = self.seconds
        self.result, self.error, self.state = result, error, state

    @property
    def seconds(self) -> float:
        return self._seconds if self._seconds is not None else time.monotonic() - self._clock

    def status(self) -> dict[str, Any]:
        """`position` of `end`: how much of the logs has been read. `seconds_left` is a guess, for
        as long as they are being read, once there is enough to go on."""
        progress, left = self.progress, self._seconds_left()
        return {
            "kind": self.kind,
            "state": self.state,
            "step": progress.step,
            "events": progress.events,
            "position": progress.position,
            "end": progress.end,
            "events_per_second": round(progress.events / max(self.seconds, 0.001)),
            "seconds": round(self.seconds, 3),
            "seconds_left": None if left is None else round(left, 1),
            "began": self.began,
            "error": self.error,
            "result": self.result,
        }

    def _seconds_left(self) -> float | None:
        """By the speed since the first page: what came before it is said once, and took its own
        time."""
        if self._first_page is None or self.state != "running":
            return None
        at, first = self._first_page
        read, left = self.progress.position - first, self.progress.end - self.progress.position
        seconds = time.monotonic() - at
        return left * seconds / read if seconds >= ENOUGH and read > 0 and left > 0 else None


class OneIsRunning(Conflict):
    code = "already-running"


class Runs:
    """The runs of this copy of the service: one at a time, and the last of each kind is
    remembered."""

    def __init__(self, urls: Sequence[str], token: str | None) -> None:
        self._urls, self._token = urls, token
        self._last: dict[str, Run] = {}

    def last(self, kind: str) -> Run:
        """Raises NotFound when there was none since the service started."""
        if kind not in self._last:
            raise NotFound(f"no {kind} has run since the service started")
        return self._last[kind]

    def start(self, kind: str, action: Action, user_id: int | None = None) -> Run:
        """Raises OneIsRunning while another runs."""
        for other in self._last.values():
            if other.state == "running":
                raise OneIsRunning(f"a {other.kind} is running already; wait for it, or stop it")
        run = self._last[kind] = Run(kind)
        threading.Thread(
            target=self._work, args=(run, action, user_id), name=kind, daemon=True
        ).start()
        return run

    async def stop(self, kind: str) -> Run:
        """Returns when it has stopped, with the live model as it was; or as it is, when it was too
        late. A run of another kind goes on. Raises NotFound when none of this kind has run."""
        run = self.last(kind)
        run.ask_to_stop()
        while run.state == "running":  # noqa: ASYNC110  # it ends in another loop
            await asyncio.sleep(0.02)
        return run

    def _work(self, run: Run, action: Action, user_id: int | None) -> None:
        async def work() -> Any:
            task = asyncio.current_task()
            assert task is not None
            run.working_in(task)
            async with open_history(
                self._urls, self._token, run.progress, user_id=user_id
            ) as history:
                return await action(history)

        try:
            # psycopg needs this kind of loop on Windows.
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                result = runner.run(work())
        except asyncio.CancelledError:
            run.end("stopped")
        except (AlreadyRunning, SwapRefused, LogUnavailable, LogChanged) as error:
            run.end("failed", error=str(error))
        except Exception as error:
            log.error("run failed", kind=run.kind, exc_info=error)
            run.end("failed", error=f"{type(error).__name__}: {error}".splitlines()[0])
        else:
            run.end("done", result=result)
