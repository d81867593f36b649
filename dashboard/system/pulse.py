"""The pulse: one sample a second of what flows and what waits, taken once for all sessions, and
only while somebody looks.

All are asked at once, and nobody is waited for longer than a glance: so a sample is of one moment,
and a light turns within three seconds. What one does not answer is unknown in the sample; the
others' facts are still there. Next: sample.py, what a sample says; stage/cards.py, which draws one.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from itertools import pairwise
from typing import Any

import streamlit as st
import structlog

from cqrs_demo.client.errors import NoAnswer
from cqrs_demo.client.place import COMMAND_SERVICES, CONSUMERS
from system import fetch, reach
from system.broker_line import BrokerLine
from system.healing import frozen
from system.known import Fact, asked, per_second, unknown
from system.sample import Sample, nothing_known
from system.tally import Tally

log = structlog.get_logger()

EVERY = 0.9  # seconds from the beginning of a sample to that of the next
KEPT = 330  # samples: five minutes
UNWATCHED = 8.0  # seconds without a glance, after which no sample is taken
FIRST = 1.5  # seconds that the first visitor waits for a first sample
LOGS_FIRST = 0.2  # seconds for which the count of the logs may hold up that of the inbox
RATE_OVER = 3  # samples: one second's rate jumps about


class Pulse:
    """The newest samples. Call `look()` as often as you like; it starts the sampling again when it
    has fallen asleep."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        self._tally = Tally()
        self._line: BrokerLine | None = None
        self._pool = ThreadPoolExecutor(16, thread_name_prefix="pulse")
        self._looked = self._proof_wanted = 0.0
        self._turn = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def look(self) -> list[Sample]:
        """Oldest first; at least one. When nobody has answered yet, it says that nothing is known.
        Raises NoAnswer where no system is found."""
        reach.system()
        now = self._looked = time.time()
        with self._turn:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
                self._thread.start()
            self._turn.wait_for(lambda: self._has_one_since(now - UNWATCHED), FIRST)
            if self._has_one_since(now - UNWATCHED):
                return list(self._samples)
        return [nothing_known(now)]

    def _has_one_since(self, moment: float) -> bool:
        return bool(self._samples) and self._samples[-1].at >= moment

    def look_at_proof(self) -> list[Sample]:
        """As look(); the newest has the two sides of the proof."""
        self._proof_wanted = time.time()
        samples = self.look()
        if samples[-1].accepted is None:
            self.refresh()
            samples = self.look()
        return samples

    def now(self) -> Sample:
        return self.look()[-1]

    def refresh(self) -> None:
        """Take a sample now: the viewer has just changed something and wants to see it."""
        try:
            self._keep(self._take())
        except NoAnswer:
            return

    def close(self) -> None:
        """Returns when no sample is being taken, and none will be."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
        self._pool.shutdown()
        if self._line is not None:
            self._line.close()

    def _run(self) -> None:
        pause = 0.0
        while time.time() - self._looked < UNWATCHED and not self._closed.wait(pause):
            began = time.time()
            try:
                self._keep(self._take())
            except NoAnswer:
                pass  # the system is gone; look() says so
            except Exception:
                log.exception("no sample")
            pause = max(0.1, began + EVERY - time.time())

    def _keep(self, sample: Sample) -> None:
        """Unless a later one is there already."""
        with self._turn:
            if not self._samples or self._samples[-1].at < sample.at:
                self._samples.append(sample)
                self._turn.notify_all()

    def _take(self) -> Sample:
        """Raises NoAnswer where no system is found."""
        reach.system()
        at = time.time()
        self._tally.begin(fetch.counts, LOGS_FIRST)
        span = self._tally.span

        def ask(question: Callable[..., Any], *arguments: object) -> Future[Fact[Any]]:
            return self._pool.submit(asked, partial(question, *arguments))

        gates = {gate: ask(fetch.gate, gate) for gate in fetch.GATES}
        logs = {service: ask(fetch.counts, service, span, "log") for service in COMMAND_SERVICES}
        queues = ask(self._depths)
        wait(logs.values(), LOGS_FIRST)  # what is projected meanwhile is not missing
        inboxes = {service: ask(fetch.counts, service, span, "inbox") for service in CONSUMERS}
        accepted, invoiced = None, None
        if at - self._proof_wanted < UNWATCHED:
            invoiced = ask(fetch.statistics, "invoice-service")
            wait([invoiced], LOGS_FIRST)  # what is accepted meanwhile is on its way
            accepted = ask(fetch.statistics, "order-service")
        counted = {service: log.result() for service, log in logs.items()}
        done = {service: inbox.result() for service, inbox in inboxes.items()}
        return Sample(
            at,
            {gate: state.result() for gate, state in gates.items()},
            {service: log.then(lambda told: told["count"]) for service, log in counted.items()},
            queues.result(),
            self._tally.compare(list(counted.values()), *done.values()),
            {service: inbox.then(lambda told: told["count"]) for service, inbox in done.items()},
            frozen(),
            accepted and accepted.result(),
            invoiced and invoiced.result(),
        )

    def _depths(self) -> dict[str, int]:
        broker = reach.system().broker
        if broker is None:
            raise NoAnswer("is not known here", "broker")
        with self._turn:
            if self._line is None or self._line.url != broker.url:
                if self._line is not None:
                    self._line.close()
                self._line = BrokerLine(broker.url)
            line = self._line
        return line.depths(reach.GLANCE)


@st.cache_resource(show_spinner=False)
def pulse() -> Pulse:
    """The one that all sessions share."""
    return Pulse()


def rate(samples: Sequence[Sample], read: Callable[[Sample], Fact[int]]) -> Fact[float]:
    """How fast what is read of a sample grows, a second, over the newest few samples."""
    newest = samples[-RATE_OVER - 1 :]
    if len(newest) < 2:
        return unknown("there is one sample only")
    return per_second(read(newest[0]), read(newest[-1]))


def rates(samples: Sequence[Sample], read: Callable[[Sample], Fact[int]]) -> list[float | None]:
    """The same for each pair of samples; None where it is not known."""
    pairs = pairwise(samples)
    return [per_second(read(earlier), read(later)).recorded() for earlier, later in pairs]
