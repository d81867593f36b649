"""What the services are asked about one order: by the id of the event that began its story, which
every event of the story carries (`correlationid`). All of it through their APIs."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import streamlit as st

from cqrs_demo.client.errors import Trouble
from cqrs_demo.exact_json import loads
from saga.story import Row, Told
from system import fetch
from system.known import Fact, asked
from system.reach import client
from system.shared import shared

LOOKED_AT = 2_000  # positions of the log in which the newest are looked for
OFFERED = 30


@shared(1)
def newest() -> list[Row]:
    """Requests for credit: one for each of the newest orders that needed it, the newest first."""
    end = client().log_end("order-service")
    wanted = {"type": "reservation.requested", "after": max(0, end - LOOKED_AT)}
    return _events("order-service", **wanted)[::-1][:OFFERED]


@shared(600)
def beginning(order_id: int) -> Row:
    """The event that began the order's story. Raises NoAnswer, and Trouble where there is none."""
    found = _events("order-service", type="order.created", subject=order_id)
    if not found:
        raise Trouble(f"there is no order {order_id}", "order-service")
    return found[0]


@shared(0.7)
def told_of(order_id: int) -> Told:
    """As of now. Whoever does not answer is unknown, and the others are there."""
    began = beginning(order_id)
    order, orders, payments = _at_once(
        lambda: client().order(order_id),
        lambda: story_of("order-service", began),
        lambda: story_of("payment-service", began),
    )
    ids = orders.then(lambda log: [event["id"] for event in log]).or_none() or []
    received, projected = _at_once(
        lambda: client().received("payment-service", *ids), lambda: client().projected(*ids)
    )
    return Told(order, orders, payments, received, projected)


def story_of(service: str, began: Row) -> list[Row]:
    """The events of the story in this log. Its own log is read from its beginning on."""
    after = int(began["sequence"]) - 1 if service == "order-service" else 0
    return _events(service, correlation=began["id"], after=after)


@shared(0.7)
def credit_of(user_id: int) -> Fact[Row]:
    return asked(lambda: client().credit(user_id))


def customer() -> int:
    """Who orders next: the newest customer. order-service does not mind whether there is one."""
    buyers = fetch.newest_users()[:1]
    return int(buyers[0]["id"]) if buyers else 1


def _events(service: str, **wanted: Any) -> list[Row]:
    answer = client().get(service, "/events", limit=LOOKED_AT, **wanted).checked()
    return [loads(line.encode()) for line in answer.body.split("\n") if line]


@st.cache_resource(show_spinner=False)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(6, thread_name_prefix="saga")


def _at_once(*questions: Callable[[], Any]) -> list[Fact[Any]]:
    return list(_pool().map(asked, questions))
