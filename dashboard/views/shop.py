"""Shop: send commands on the left, watch the invoice change on the right.

A form's command goes over HTTP in its button's callback; the page is drawn afterwards, with what
came of it. Next: shop/order_form.py.
"""

from textwrap import shorten

import streamlit as st

import words
from frame import in_turn, live
from kept import recall, remember
from receipt import arrived_html, invoice_html
from shop.customer_forms import address_form, customer_form, random_customer, told_of_customer
from shop.customers import (
    first_customer,
    known_customers,
    month_as_written,
    month_from,
    months_of,
    newest_month,
)
from shop.journey import draw_journey
from shop.new_lines import fresh_lines
from shop.order_form import order_form
from shop.welcome import welcome
from system import fetch, reach
from system.known import STALE


@in_turn
def page() -> None:
    recall(customer=int, month=month_from)
    users = known_customers()
    if not users:
        welcome()
        return
    choose(users)
    left, right = st.columns([5, 6], gap="large")
    with left:
        side("Command side", "user-service and order-service write, and publish what happened.")
        customer(users)
        forms(users)
        journey()
    with right:
        side("Query side", "invoice-service never sees these forms: it makes invoices of events.")
        invoice()
    remember(
        customer=str(st.session_state.customer), month=month_as_written(st.session_state.month)
    )


def choose(users: dict[int, reach.Row]) -> None:
    """Whom and which month, as long as the viewer has not."""
    state = st.session_state
    if state.get("customer") not in users:
        state.customer = first_customer(users)
        state.pop("month", None)
    if "month" not in state:
        state.month = newest_month(state.customer)


def side(name: str, what: str) -> None:
    st.html(f'<div class="side"><b>{name}</b> {what}</div>')


def customer(users: dict[int, reach.Row]) -> None:
    pick, chance = st.columns([3, 2], vertical_alignment="bottom")
    chosen = st.session_state.customer
    # Of another key for each customer: the next click may come before the browser has drawn this
    # one, and would bring the choice of the last one with it.
    key = f"customer after {chosen}"
    with pick:
        st.selectbox(
            "Customer",
            list(users),
            index=list(users).index(chosen),
            key=key,
            format_func=lambda id: f"{shorten(users[id]['name'], 32, placeholder=' …')} · {id}",
            on_change=look_at,
            args=(key, chosen),
        )
        if (age := fetch.newest_users.age()) > STALE:
            st.caption(f"Customers as known {words.ago(age)}: user-service does not answer.")
    with chance:
        random_customer()


def look_at(key: str, drawn: int) -> None:
    customer = st.session_state[key]
    if customer == drawn:
        return
    st.session_state.pop("journey", None)
    st.session_state.update(customer=customer, month=newest_month(customer))


def forms(users: dict[int, reach.Row]) -> None:
    order, new_customer, address = st.tabs(["Order", "New customer", "Address"])
    with order:
        order_form()
    with new_customer:
        customer_form()
    with address:
        address_form(users[st.session_state.customer])
    told_of_customer()


@live(1.5)
def invoice() -> None:
    user = st.session_state.customer
    month_choice(user)
    year, month = st.session_state.month
    found = fetch.invoice(user, year, month)
    fresh = fresh_lines((user, year, month), found)
    if found is None:
        st.html(
            f'<div class="empty"><b>No invoice in {words.MONTHS[month - 1]} {year} yet</b>Place an '
            "order: its line appears here by itself.</div>"
        )
    else:
        name = known_customers().get(user, {}).get("name") or f"User {user}"
        st.html(invoice_html(found, name, fresh) + arrived_html(found, fresh))


def month_choice(user: int) -> None:
    st.selectbox(
        "Month",
        sorted({*months_of(user), st.session_state.month}, reverse=True),
        key="month",
        format_func=lambda month: f"{words.MONTHS[month[1] - 1]} {month[0]}",
        on_change=remember_month,
        label_visibility="collapsed",
    )


def remember_month() -> None:
    remember(month=month_as_written(st.session_state.month))


def journey() -> None:
    """Of a viewer who has sent nothing yet there is nothing to ask for."""
    if "journey" in st.session_state:
        live(2)(draw_journey)()
    else:
        st.caption(
            "Send a command, and its journey is told here: asked, committed, accepted, published, "
            "received, projected."
        )


page()
