"""A crash at the worst moment, on purpose: the consumer dies with an event in its hand. A lock on
the read model keeps it from committing, until it has received the event and is killed."""

import time

import psycopg

from cqrs_demo.client.errors import NoAnswer
from stage.flow import place_order
from system import fetch, reach
from system.faults import CannotBreak, can_break_processes, faults
from system.reach import client

DATABASE, SERVICE = "invoice_service", "invoice-service"
LOCK = "lock table demo.invoices in exclusive mode"
SESSION = "-c lock_timeout=2000 -c idle_in_transaction_session_timeout=20000"
WITHIN = 5.0  # seconds in which an order is received
HELD = 1.5  # seconds it is in the hand: long enough for every Stage to have looked


def crash_in_hand() -> None:
    """Raises CannotBreak where the process is not this machine's, NoAnswer."""
    dsn = reach.system().databases.get(DATABASE)
    if not can_break_processes() or dsn is None:
        raise CannotBreak(
            "invoice-service runs elsewhere, and cannot be killed from here. In containers: "
            "`docker compose kill invoice-service`"
        )
    fetch.set_gate("consumer", "running")
    try:
        with psycopg.connect(dsn, connect_timeout=2, options=SESSION) as lock:
            lock.execute(LOCK)
            after = client().passages(SERVICE, "consumer", limit=1)["last"]
            place_order()
            _wait_until_received(after)
            time.sleep(HELD)
            faults().kill(SERVICE)
    except psycopg.Error as error:
        raise NoAnswer("does not give the lock", f"database {DATABASE}") from error


def _wait_until_received(after: int) -> None:
    deadline = time.monotonic() + WITHIN
    while client().passages(SERVICE, "consumer", after=after, limit=1)["last"] == after:
        if time.monotonic() > deadline:
            raise CannotBreak(f"no order was received within {WITHIN:.0f} s; is a relay paused?")
        time.sleep(0.05)
