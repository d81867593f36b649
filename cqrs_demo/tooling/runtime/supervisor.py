"""Starts the parts of a system, starts again one that dies, and stops them all.

Every part has a thread of its own from its start to its end, so that a slow start (RabbitMQ takes
six seconds) holds up neither the others nor the stop. What the parts are stands in parts.py, which
of them a system has in up.py.
"""

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cqrs_demo.tooling.runtime.parts import Part, PartError
from cqrs_demo.tooling.runtime.private import private
from cqrs_demo.tooling.runtime.system import Phase, SystemProblem

START_WITHIN = 90.0
SAY_WHAT_IS_MISSING = (3.0, 6.0, 12.0, 24.0, 48.0)
"""Seconds after which a start that is not done yet says what it waits for."""
TRIES = 3
"""A part that dies this often before the system was ready once will not come up by itself."""
FIRST_PAUSE, LONGEST_PAUSE, RAN_WELL = 0.2, 10.0, 30.0
"""Seconds: before the second start, doubled at each death in a row, and how long a part has to live
to break the row."""
LOG_LIMIT = 10_000_000
"""Bytes after which a log is set aside as <name>.1; so each takes at most twice that."""

Say = Callable[[str], None]


class StartFailed(SystemProblem):
    """A part does not come up. Everything is stopped again."""


class Supervisor:
    """One system's parts, in stages: a part is started when all of the stages before it work, and
    stopped before them."""

    def __init__(
        self, stages: Sequence[Sequence[Part]], say: Say, record: Callable[[Phase], None]
    ) -> None:
        """`record` is called with the phase whenever a process or a phase changed, from any thread,
        one call at a time."""
        self._stages, self._say = stages, say
        self._parts = [part for stage in stages for part in stage]
        self._working = {part: threading.Event() for part in self._parts}
        self._threads = {
            part: threading.Thread(target=self._keep, args=(part,), name=part.name, daemon=True)
            for part in self._parts
        }
        self._record, self._recording = record, threading.Lock()
        self._phase: Phase = "starting"
        self._ending = threading.Event()
        self._failure: str | None = None
        self._asked = False

    def ask_to_stop(self) -> None:
        """For signal handlers: only a flag is set, since a handler that takes a lock can wait for
        itself."""
        self._asked = True

    def run(self, when_ready: Callable[[], None]) -> None:
        """Returns when it was asked to stop and everything has stopped. Raises StartFailed, with
        everything stopped too."""
        try:
            for thread in self._threads.values():
                thread.start()
            if self._wait_until_ready():
                self._enter("ready")
                when_ready()
                self._wait_until_asked()
            self._say("Stopping …")
        finally:
            self._enter("stopping")
            self._stop()

    def _wait_until_ready(self) -> bool:
        began, still_to_say = time.monotonic(), list(SAY_WHAT_IS_MISSING)
        deadline = began + START_WITHIN
        while not self._asked:
            missing = [part for part in self._parts if not self._working[part].is_set()]
            if not missing:
                return True
            if still_to_say and time.monotonic() - began > still_to_say[0]:
                self._say(
                    f"After {still_to_say.pop(0):.0f} s still {self._what_is_missing(missing)}"
                )
            if self._failure is None and time.monotonic() > deadline:
                names = ", ".join(part.name for part in missing)
                self._failure = (
                    f"{names} not ready after {START_WITHIN:.0f} s; the end of "
                    f"{missing[0].log}:\n{missing[0].last_words()}"
                )
            if self._failure is not None:
                raise StartFailed(self._failure)
            time.sleep(0.02)
        return False

    def _what_is_missing(self, missing: list[Part]) -> str:
        stage = next(stage for stage in self._stages if missing[0] in stage)
        first, later = (
            [part.name for part in missing if (part in stage) is now] for now in (True, False)
        )
        return f"waiting for {', '.join(first)}" + (
            f"; then come {', '.join(later)}" if later else ""
        )

    def _wait_until_asked(self) -> None:
        rounds = 0
        while not self._asked:
            time.sleep(0.05)
            rounds += 1
            if rounds % 100 == 0:
                for part in self._parts:
                    bound(part.log)

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._note()

    def _note(self) -> None:
        with self._recording:
            try:
                self._record(self._phase)
            except OSError as error:
                self._say(
                    f"cannot write down what is running ({error}); everything goes on, but "
                    "`cqrs-demo status` is out of date"
                )

    # One thread per part: start, watch, start again.

    def _keep(self, part: Part) -> None:
        if not self._wait_for_the_stages_before(part):
            return
        pause, deaths = FIRST_PAUSE, 0
        while not self._ending.is_set():
            started = time.monotonic()
            problem = self._start_and_watch(part)
            if self._ending.is_set():
                return
            self._note()
            deaths += 1
            if self._phase == "starting" and deaths >= TRIES:
                self._failure = (
                    f"{part.name} {problem}. The end of {part.log}:\n{part.last_words()}"
                )
                return
            if time.monotonic() - started > RAN_WELL:
                pause = FIRST_PAUSE
            self._say(
                f"{part.name} {problem.splitlines()[0]}; starting it again in {pause:.1f} s (see "
                f"{part.log})"
            )
            self._ending.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _wait_for_the_stages_before(self, part: Part) -> bool:
        for stage in self._stages:
            if part in stage:
                return True
            for earlier in stage:
                while not self._working[earlier].wait(0.1):
                    if self._ending.is_set():
                        return False
        return False

    def _start_and_watch(self, part: Part) -> str:
        """What ended it."""
        started = time.monotonic()
        try:
            part.start()
        except PartError as error:
            return f"did not start: {error}"
        self._note()
        answered = False
        while part.alive():
            if not answered and part.answers():
                answered = True
                self._working[part].set()
                self._say(f"{part.name} works: {part.where()} ({time.monotonic() - started:.1f} s)")
            if self._ending.wait(0.2 if answered else 0.05):
                return "was stopped"
            if part.outdated():
                part.stop()
                return "was told of another part's address, and that has changed"
        return "died"

    # The end.

    def _stop(self) -> None:
        self._ending.set()
        for stage in reversed(self._stages):
            stoppers = [threading.Thread(target=self._stop_part, args=(part,)) for part in stage]
            for stopper in stoppers:
                stopper.start()
            for stopper in stoppers:
                stopper.join()

    def _stop_part(self, part: Part) -> None:
        """Again and again while its thread may still be starting it: only then nothing can come
        after the last stop."""
        while self._threads[part].is_alive():
            part.stop()
            self._threads[part].join(0.02)
        part.stop()


def bound(log: Path) -> None:
    """Processes append to their logs and keep them open, so the file is copied and emptied, not
    renamed."""
    try:
        if log.stat().st_size > LOG_LIMIT:
            with (
                open(log, "r+b", opener=private) as full,
                open(f"{log}.1", "wb", opener=private) as kept,
            ):
                shutil.copyfileobj(full, kept)
                full.truncate(0)
    except OSError:
        pass  # not there yet; the next round sees it
