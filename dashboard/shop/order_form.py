"""The form that places orders, and what its buttons do."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, time
from decimal import Decimal

import streamlit as st

import words
from cqrs_demo.client.answer import Answer
from cqrs_demo.client.errors import NoAnswer
from frame import complaint
from made_up import an_order
from shop.customer_forms import buyer
from shop.drawn_form import number_of, send, submit_button, tell_replayed
from shop.journey import begin
from shop.new_lines import await_order
from system import fetch
from system.reach import client

MANY = 50


def order_form() -> None:
    with st.form("order", border=False):
        st.text_input("What", "Coffee beans, 1 kg", key="order what", max_chars=2_000)
        complaint("order", "description")
        amount, day = st.columns(2)
        with amount:
            st.number_input("Amount", value=24.90, step=1.0, format="%.2f", key="order amount")
            complaint("order", "amount")
        with day:
            st.date_input("Bought on", today(), key="order day")
            complaint("order", "purchase_dt")
        one, many = st.columns(2)
        submit_button(
            "order",
            "Place order",
            place_order,
            icon="shopping_cart",
            within=one,
            type="primary",
            width="stretch",
        )
        submit_button(
            "order",
            f"Place {MANY} orders",
            place_many,
            icon="shopping_cart_checkout",
            within=many,
            width="stretch",
        )
    complaint("order")
    tell_replayed("order")


def place_order(key: str) -> None:
    state = st.session_state
    order = (
        buyer(),
        state["order what"],
        Decimal(f"{state['order amount'] or 0:.2f}"),
        bought(state["order day"]),
    )
    answer = send(
        "order", key, order, lambda key: client().place_order(*order, idempotency_key=key)
    )
    if answer:
        show_month_of(answer)
        begin("order-service", answer, f"Order {answer.body['id']}")


def place_many(key: str) -> None:
    user, day, first = buyer(), bought(st.session_state["order day"]), number_of(key)
    orders = [(user, *an_order(first + number), day) for number in range(MANY)]
    if answer := send("order", key, orders, lambda key: place_all(orders, key)):
        show_month_of(answer)
        begin("order-service", answer, f"The last of {MANY} orders")


def place_all(orders: Sequence[tuple[int, str, Decimal, str | None]], key: str) -> Answer:
    """Eight under way at a time. The answer to the last."""

    def place(number: int) -> Answer:
        return client().place_order(*orders[number], idempotency_key=f"{key}/{number}").checked()

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(place, range(len(orders))))[-1]


def bought(day: date) -> str | None:
    """Today means now, by the service's clock; another day, noon where the viewer is."""
    if day == today():
        return None
    return datetime.combine(day, time(12), words.zone()).isoformat()


def today() -> date:
    return datetime.now(words.zone()).date()


def show_month_of(answer: Answer) -> None:
    at = words.instant(answer.body["purchase_dt"]).astimezone(UTC)
    st.session_state.month = (at.year, at.month)
    fetch.wait_for(answer, at.year, at.month)
    with suppress(NoAnswer):
        await_order((answer.body["user_id"], at.year, at.month), answer.body)
