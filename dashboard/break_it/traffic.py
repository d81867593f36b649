"""Orders that keep coming while something is broken, and messages that should not be there."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import orjson
import streamlit as st

from cqrs_demo.client.errors import NoAnswer, Trouble
from cqrs_demo.messaging.broker import Message
from made_up import an_order
from system import fetch, reach
from system.broker_line import BrokerLine

RATE, SECONDS = 20, 30


class Traffic:
    """One stream of orders for all sessions: RATE a second for SECONDS."""

    def __init__(self) -> None:
        self.accepted = self.failed = 0
        self._until = 0.0
        self._turn = threading.Lock()

    @property
    def left(self) -> float:
        return max(0.0, self._until - time.monotonic())

    def start(self) -> None:
        """Harmless while it runs."""
        if not self.left:
            self.accepted = self.failed = 0
            self._until = time.monotonic() + SECONDS
            threading.Thread(target=self._run, name="traffic", daemon=True).start()

    def stop(self) -> None:
        self._until = 0.0

    def _run(self) -> None:
        users = [user["id"] for user in fetch.newest_users()[:20]] or [1]
        with ThreadPoolExecutor(16) as pool:
            number = 0
            while self.left:
                pool.submit(self._one, users[number % len(users)])
                number += 1
                time.sleep(1 / RATE)

    def _one(self, user: int) -> None:
        try:
            fetch.place_order(user, *an_order())
        except Trouble:
            self._count(failed=1)
        else:
            self._count(accepted=1)

    def _count(self, accepted: int = 0, failed: int = 0) -> None:
        with self._turn:
            self.accepted, self.failed = self.accepted + accepted, self.failed + failed


@st.cache_resource(show_spinner=False)
def traffic() -> Traffic:
    return Traffic()


def send_duplicate() -> str:
    """Publishes the newest order's event once more. Its id."""
    body = fetch.newest_event("order-service")
    if body is None:
        raise Trouble("has no event yet; place an order first", "order-service")
    event = orjson.loads(body)
    publish(Message(event["type"], event["id"], body))
    return str(event["id"])


def send_poison() -> str:
    """Publishes an order whose amount is no number, as a broken producer would. The event's id."""
    id = str(uuid4())
    data = {
        "id": 999_999_999,
        "user_id": 1,
        "description": "Poison",
        "amount": "a lot",
        "purchase_dt": "2025-04-03T10:00:00Z",
    }
    event = {
        "specversion": "1.0",
        "id": id,
        "source": "/order-service",
        "type": "order.created",
        "subject": "999999999",
    }
    publish(
        Message(
            "order.created",
            id,
            orjson.dumps({**event, "time": "2025-04-03T10:00:00Z", "sequence": "0", "data": data}),
        )
    )
    return id


def publish(message: Message) -> None:
    broker_place = reach.system().broker
    if broker_place is None:
        raise NoAnswer("is not known here", "broker")
    line = BrokerLine(broker_place.url)
    try:
        line.publish(message)
    finally:
        line.close()
