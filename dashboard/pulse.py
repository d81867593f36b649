"""The pulse: one sample a second of what flows and what waits, taken once for all sessions, and
only while somebody looks.

A sample asks each service for its relay's or consumer's state and a few numbers. What one service
does not answer is None in the sample; the others' numbers are still there.
Next: picture.py, which draws one.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import streamlit as st
import structlog

import fetch
import reach
from cqrs_demo.client.errors import NoAnswer, Trouble
from cqrs_demo.client.place import COMMAND_SERVICES

log = structlog.get_logger()

Result = TypeVar("Result")

EVERY = 1.0  # seconds
KEPT = 300  # samples: five minutes
UNWATCHED = 8.0  # seconds without a glance, after which no sample is taken


@dataclass(frozen=True)
class Sample:
    """`at` is the monotonic clock. `logs` are the ends of the two logs, `gates` what relays and
    consumer say of themselves."""

    at: float
    gates: dict[str, dict[str, Any] | None]
    logs: dict[str, int | None]
    dead: int | None
    latency: float | None
    """Seconds from commit to projection: the median of the newest orders."""
    away: dict[str, str] = field(default_factory=dict)
    """Who does not answer, and what was wrong."""

    def outbox(self, gate: str) -> int | None:
        return (self.gates[gate] or {}).get("outbox")

    def queues(self) -> dict[str, int]:
        return (self.gates["consumer"] or {}).get("queues") or {}

    def mode(self, gate: str) -> str:
        """running, paused, stuck (it wants to and cannot), or away."""
        state = self.gates[gate]
        if state is None:
            return "away"
        return "stuck" if state["trouble"] and state["mode"] == "running" else str(state["mode"])

    @property
    def accepted(self) -> int:
        return sum(end or 0 for end in self.logs.values())

    @property
    def in_outbox(self) -> int:
        return sum(self.outbox(gate) or 0 for gate in ("user relay", "order relay"))

    @property
    def in_queues(self) -> int:
        return sum(self.queues().values())

    @property
    def waiting(self) -> int:
        return self.in_outbox + self.in_queues

    @property
    def projected(self) -> int:
        return int(((self.gates["consumer"] or {}).get("counts") or {}).get("projected", 0))


class Pulse:
    """The newest samples. Call `look()` as often as you like; it starts the sampling again when it
    has fallen asleep."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        self._looked = 0.0
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def look(self) -> list[Sample]:
        """Oldest first; at least one. Raises NoAnswer where no system is found."""
        self._looked = time.monotonic()
        with self._turn:
            if not self._samples or self._looked - self._samples[-1].at > UNWATCHED:
                self._samples.append(take_sample())
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
                self._thread.start()
        return list(self._samples)

    def now(self) -> Sample:
        return self.look()[-1]

    def refresh(self) -> None:
        """Take a sample now: the viewer has just changed something and wants to see it."""
        try:
            sample = take_sample()
        except NoAnswer:
            return
        self._samples.append(sample)

    def close(self) -> None:
        """Returns when no sample is being taken, and none will be."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while time.monotonic() - self._looked < UNWATCHED and not self._closed.wait(EVERY):
            try:
                self._samples.append(take_sample())
            except NoAnswer:
                continue  # the system is gone; look() says so
            except Exception:
                log.exception("no sample")


@st.cache_resource(show_spinner=False)
def pulse() -> Pulse:
    """The one that all sessions share."""
    return Pulse()


def take_sample() -> Sample:
    reach.system()
    away: dict[str, str] = {}

    def attempt(ask: Callable[[], Result]) -> Result | None:
        try:
            return ask()
        except Trouble as trouble:
            away[trouble.where] = trouble.why
            return None

    gates = {name: attempt(partial(fetch.gate, name)) for name in fetch.GATES}
    logs = {service: attempt(partial(fetch.log_end, service)) for service in COMMAND_SERVICES}
    return Sample(time.monotonic(), gates, logs, attempt(_dead), attempt(fetch.latency), away)


def _dead() -> int:
    return sum(group["letters"] for group in fetch.dead_letter_groups())


def rates(samples: list[Sample]) -> list[tuple[float, float, float]]:
    """Per pair of samples: seconds ago, events accepted a second, events projected a second."""
    now = samples[-1].at
    return [
        (
            later.at - now,
            _rate(later.accepted - earlier.accepted, later, earlier),
            _rate(later.projected - earlier.projected, later, earlier),
        )
        for earlier, later in pairwise(samples)
    ]


def _rate(count: int, later: Sample, earlier: Sample) -> float:
    return max(0, count) / (
        later.at - earlier.at
    )  # a restarted consumer counts from 0; a database away counts as 0


def lag(samples: list[Sample]) -> float:
    """Seconds the oldest waiting event has waited, as far back as the samples go; 0 when nothing
    waits."""
    now = samples[-1]
    if not now.waiting:
        return 0.0
    through = now.accepted - now.waiting
    reached = next((sample.at for sample in samples if sample.accepted > through), now.at)
    return now.at - reached
