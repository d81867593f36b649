"""Faults a workshop makes on purpose: real ones, each of which heals by itself if nobody does.

A frozen process takes connections and answers nothing, which is worse than one that is gone. A
killed one is started again by the supervisor. PGMQ is stopped by a lock on its queues, held by a
session of ours that gives it up in the end, however it ends; a private RabbitMQ is frozen. All of
it needs a system of this machine's `cqrs-demo up`; only PGMQ's lock does not. Next: healing.py,
which finds what is still broken, whoever broke it.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import streamlit as st
from psycopg import sql
from psycopg.errors import DeadlockDetected, LockNotAvailable

from cqrs_demo.client.errors import Trouble
from cqrs_demo.messaging.broker import SUBSCRIBERS
from cqrs_demo.messaging.queues import queue_name
from cqrs_demo.tooling.runtime.rabbitmq_node import RabbitNode, RabbitNodeError
from system import reach
from system.stores import hung_up_after

AT_MOST = 30.0  # seconds

QUEUES = tuple(
    f"q_{queue_name(subscriber, topic)}"
    for subscriber in SUBSCRIBERS
    for topic in subscriber.topics
)
LOCK = "lock table pgmq.{} in access exclusive mode"
"""Nothing can be sent, taken or counted: so it is with a broker that is stopped."""
LOCK_WITHIN = 10.0  # seconds
LOCK_SESSION = (
    "-c lock_timeout=200 -c statement_timeout=5000 -c idle_in_transaction_session_timeout=60000"
)
"""A lock is given up long before the server looks for a deadlock (1 s): it is always we who give
way, and never a relay or the consumer."""


class CannotBreak(Trouble):
    def __init__(self, why: str) -> None:
        super().__init__(why, "Break it")


class Faults:
    """What is broken at the moment, for all sessions. `since` is the monotonic clock."""

    def __init__(self) -> None:
        self.since: dict[str, float] = {}
        self._heal: dict[str, Callable[[], None]] = {}
        self._turn = threading.Lock()

    def left(self, name: str) -> float | None:
        """Seconds until it heals by itself; None when it is whole."""
        since = self.since.get(name)
        return None if since is None else max(0.0, AT_MOST - (time.monotonic() - since))

    def age(self, service: str) -> float | None:
        """Seconds its process has lived; None while it has none, or none that is known here."""
        process = reach.system().services[service].process
        return (
            None if process is None or process.living() is None else time.time() - process.created
        )

    def freeze(self, service: str) -> None:
        process = _process(service)
        process.suspend()
        self._broken(service, lambda: _resume(process))

    def kill(self, service: str) -> None:
        _process(service).kill()
        reach.system.clear()

    def stop_broker(self) -> None:
        system = reach.system()
        if system.broker is None:
            raise CannotBreak("the broker is not known here")
        if system.broker.kind == "pgmq":
            self._broken("broker", _lock_queues(system.broker.url))
        else:
            self._broken("broker", _freeze_rabbit(system.folder))

    def thaw(self, service: str) -> None:
        """Whoever froze it."""
        self.heal(service)
        _resume(_process(service))

    def heal(self, name: str) -> None:
        """What was broken here. Harmless when it is whole."""
        with self._turn:
            self.since.pop(name, None)
            heal = self._heal.pop(name, None)
        if heal is not None:
            heal()

    def _broken(self, name: str, heal: Callable[[], None]) -> None:
        with self._turn:
            self.since[name], self._heal[name] = time.monotonic(), heal
        timer = threading.Timer(AT_MOST, self.heal, [name])
        timer.daemon = True
        timer.start()


@st.cache_resource(show_spinner=False)
def faults() -> Faults:
    return Faults()


def can_break_processes() -> bool:
    return reach.system().folder is not None


def _process(service: str) -> psutil.Process:
    known = reach.system().services[service].process
    process = known.living() if known else None
    if process is None:
        raise CannotBreak(f"{service} has no process here at the moment; it may be starting")
    return process


def _resume(process: psutil.Process) -> None:
    with suppress(psutil.Error):  # gone: somebody killed it
        process.resume()


def _lock_queues(dsn: str) -> Callable[[], None]:
    """Queue by queue, and from the beginning again when somebody is at work in one of them."""
    deadline = time.monotonic() + LOCK_WITHIN
    try:
        session = psycopg.connect(dsn, connect_timeout=2, options=LOCK_SESSION)
        with hung_up_after(LOCK_WITHIN, session):  # a frozen server keeps no lock_timeout
            while not _locked(session):
                if time.monotonic() > deadline:
                    session.close()
                    raise CannotBreak(
                        f"PGMQ was not stopped: its queues were at work for {LOCK_WITHIN:.0f} s "
                        "without a pause. Try again"
                    )
                time.sleep(0.05)
    except psycopg.Error as error:
        raise CannotBreak(f"PGMQ could not be stopped: {error}") from error
    return session.close


def _locked(session: psycopg.Connection) -> bool:
    """All of them, or none."""
    try:
        for queue in QUEUES:
            session.execute(sql.SQL(LOCK).format(sql.Identifier(queue)))
    except (LockNotAvailable, DeadlockDetected):
        session.rollback()
        return False
    return True


def _freeze_rabbit(folder: Path | None) -> Callable[[], None]:
    node = RabbitNode((folder or Path()) / "rabbitmq")
    try:
        node.pause()
    except RabbitNodeError as error:
        raise CannotBreak(
            "this RabbitMQ is not ours to stop; stop it where it runs (docker compose pause "
            "rabbitmq)"
        ) from error

    def resume() -> None:
        with suppress(RabbitNodeError):
            node.resume()

    return resume
