"""A release that overtakes its reservation. The request for credit is held in order-service's
outbox until the deadline has passed; then the release is sent to the broker first, and after it the
relay goes on. So payment-service hears of the release before it hears of the reservation, and of
the release twice.
"""

import time
from collections.abc import Callable

import streamlit as st

from break_it.traffic import publish
from cqrs_demo.client.errors import TookTooLong, Trouble
from cqrs_demo.exact_json import dumps
from cqrs_demo.messaging.broker import Message
from saga.ask import beginning, story_of
from system import fetch
from system.one_call import in_a_thread
from system.reach import client

RELAY, RELEASE = "order relay", "reservation.release_requested"
LONGEST = 120.0  # seconds that a deadline is waited for
RECEIVED_WITHIN = 10.0  # seconds


class Overtaking:
    """One at a time for all sessions. `says` is what happens at the moment, or what went wrong."""

    def __init__(self) -> None:
        self.runs = False
        self.says = ""

    def start(self, place: Callable[[], int]) -> int:
        """Places the order, and does the rest in the background. The order's id."""
        fetch.set_gate(RELAY, "paused")
        self.runs, self.says = True, "The request for credit is held until the deadline has passed."
        try:
            order_id = place()
        except Trouble:
            self._over()
            raise
        in_a_thread(lambda: self._go_on(order_id))
        return order_id

    def _go_on(self, order_id: int) -> None:
        try:
            release = _until(lambda: _release_of(order_id), LONGEST, "the deadline did not pass")
            self.says = "The release is sent before its reservation."
            publish(Message(RELEASE, release["id"], dumps(release), release["partitionkey"]))
            received = lambda: client().received("payment-service", release["id"])  # noqa: E731
            _until(received, RECEIVED_WITHIN, "payment-service did not take the release")
            self.says = ""
        except Trouble as trouble:
            self.says = f"That did not work: {trouble}."
        finally:
            self._over()

    def _over(self) -> None:
        try:
            fetch.set_gate(RELAY, "running")
        except Trouble as trouble:
            self.says = f"The {RELAY} is still paused: {trouble}."
        self.runs = False


def _release_of(order_id: int) -> dict[str, str] | None:
    events = story_of("order-service", beginning(order_id))
    return next((event for event in events if event["type"] == RELEASE), None)


def _until(ask: Callable[[], object], seconds: float, why: str) -> dict[str, str]:
    """The first answer that says something. One that does not come may come a moment later."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if answer := ask():
                return dict(answer)  # type: ignore[call-overload]  # an event, or times by id
        except Trouble:
            pass  # away for a moment
        time.sleep(0.2)
    raise TookTooLong(why)


@st.cache_resource(show_spinner=False)
def overtaking() -> Overtaking:
    return Overtaking()
