"""The journey of this viewer's last command, hop by hop, each with its time. The answer is a branch
of its own: the event goes on whether the answer has arrived or not.

Only what is not known yet is asked for: once the event is projected, the journey is complete and
costs nothing more.
"""

import time
from datetime import datetime

import streamlit as st

from cqrs_demo.client.answer import Answer
from cqrs_demo.client.errors import Trouble
from receipt import journey_html
from system import fetch

ARRIVED = {
    "order-service": "visible after",
    "user-service": "known to invoice-service after",
}
"""Of whom nothing was ordered, nothing is visible: there is no invoice."""
ASK_FOR = (
    30.0  # seconds, in which a hop that nobody remembers is still asked for after the projection
)


def begin(service: str, answer: Answer, what: str) -> None:
    st.session_state.journey = {"service": service, "answer": answer, "what": what, "hops": {}}


def draw_journey() -> None:
    journey = st.session_state.get("journey")
    if journey is None:  # another customer was chosen meanwhile
        return
    _learn(journey)
    answer, hops = journey["answer"], journey["hops"]
    stations = [
        ("asked", "this page", 0.0),
        ("committed", f"{journey['service']}: row, event, outbox", hops.get("committed")),
        ("↳ accepted", "201 is here; nobody waits for it", answer.answered - answer.asked),
        ("published", "relay → broker", hops.get("published")),
        ("received", "broker → consumer", hops.get("received")),
        ("projected", "invoice-service: read model", hops.get("projected")),
    ]
    st.html(journey_html(journey["what"], stations, ARRIVED[journey["service"]]))


def _learn(journey: dict[str, object]) -> None:
    answer, hops, service = journey["answer"], journey["hops"], str(journey["service"])
    assert isinstance(answer, Answer)
    assert isinstance(hops, dict)
    asks = {
        "committed": lambda event: fetch.when_committed(service, event),
        "published": lambda event: fetch.when_passed(service, "relay", event),
        "received": lambda event: fetch.when_passed("invoice-service", "consumer", event),
        "projected": fetch.when_projected,
    }
    if "projected" in hops and time.time() - answer.asked > ASK_FOR:
        return
    for hop, ask in asks.items():
        if hop not in hops:
            try:
                at: datetime | None = ask(answer.event_id)
            except Trouble:
                continue  # the strip says who is away
            if at is not None:
                hops[hop] = max(0.0, at.timestamp() - answer.asked)
