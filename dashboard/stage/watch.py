"""Asks for what happens to events, at most once a second for all sessions, and only while somebody
looks: the logs, the passages of relays and consumers, and the dead letters. A dozen calls, whatever
the traffic. Next: traces.py, which remembers.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import streamlit as st

from cqrs_demo.client.errors import Trouble
from cqrs_demo.client.place import COMMAND_SERVICES, CONSUMERS
from cqrs_demo.exact_json import loads
from stage.traces import Trace, Traces
from system.reach import client

EVERY = 0.8  # seconds between two looks
FIRST_LOOK = 25  # events of each log
EVENTS, PASSAGES, LETTERS = 80, 400, 20  # a look at the most
OVERDUE = 2.0  # seconds without news of an event, after which the inbox itself is asked
ASKED_AT_ONCE = 100
INVOICES = "invoice-service"

Told = Callable[[], None]


class Watch:
    def __init__(self) -> None:
        self._traces = Traces()
        self._after: dict[str, int] = {}
        self._turn = threading.Lock()
        self._looked = 0.0
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="watch")

    def look(self) -> list[Trace]:
        """Oldest first. Whoever does not answer is left out; what is known stays known."""
        with self._turn:
            if time.monotonic() - self._looked > EVERY:
                self._look()
                self._looked = time.monotonic()
            return self._traces.all()

    def soon(self) -> None:
        """Somebody has just done something: look again at the next look()."""
        self._looked = 0.0

    def _look(self) -> None:
        asks = [
            *(partial(self._passages, service, "consumer") for service in CONSUMERS),
            *(partial(self._passages, service, "relay") for service in COMMAND_SERVICES),
            *(partial(self._letters, service) for service in CONSUMERS),
            *(partial(self._events, service) for service in COMMAND_SERVICES),
        ]
        for learn in list(self._pool.map(_or_nothing, asks)):
            learn()
        for service in CONSUMERS:
            _or_nothing(partial(self._inbox, service))()

    def _passages(self, service: str, loop: Any) -> Told:
        told = client().passages(service, loop, self._after.get(service + loop, 0), PASSAGES)
        self._after[service + loop] = told["last"]
        return lambda: self._traces.passed(told)

    def _events(self, service: str) -> Told:
        """Those since the last look. Of more than EVENTS the rest is left out, not caught up."""
        after = self._after.get(service)
        if after is None:
            after = max(0, client().log_end(service) - FIRST_LOOK)
        answer = client().get(service, "/events", after=after, limit=EVENTS).checked()
        events = [loads(line.encode()) for line in answer.body.split("\n") if line]
        last = int(events[-1]["sequence"]) if events else after
        self._after[service] = max(last, int(answer.headers["X-Log-Horizon"]))
        return lambda: self._traces.accepted(events)

    def _letters(self, service: str) -> Told:
        letters = client().dead_letters(service, status="waiting", limit=LETTERS)
        return lambda: self._traces.set_aside(service, letters)

    def _inbox(self, service: str) -> Told:
        """Of events that passed while nobody looked, or more than can be told: whether they
        count."""
        now = time.time()
        overdue = self._traces.overdue(now - OVERDUE)
        late = [trace for trace in overdue if trace.subscriber == service][:ASKED_AT_ONCE]
        ids = [trace.id for trace in late if trace.accepted is not None]
        ask = client()
        since = ask.projected(*ids) if service == INVOICES else ask.received(service, *ids)
        for trace in late:
            trace.news = now
        return lambda: self._traces.counted(since)


def _or_nothing(ask: Callable[[], Told]) -> Told:
    try:
        return ask()
    except Trouble:
        return lambda: None  # the strip says who is away


@st.cache_resource(show_spinner=False)
def watch() -> Watch:
    """The one that all sessions share."""
    return Watch()
