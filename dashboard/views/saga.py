"""Saga: one order that needs credit, in three lanes; and buttons that let something go wrong."""

from decimal import Decimal
from pathlib import Path

import streamlit as st

import words
from cqrs_demo.client.errors import Trouble
from frame import live
from kept import recall, remember
from saga.acts import buttons
from saga.ask import credit_of, customer, newest, told_of
from saga.draw import credit_html, head_html, timeline_html
from saga.overtaking import overtaking
from saga.story import Row, Told, lanes_of, moments_of
from system.known import asked

STYLE = Path(__file__).parents[1] / "saga" / "page.css"
NEWEST = "The newest"


def page() -> None:
    st.html(STYLE)
    st.caption(
        "An order from the threshold on needs credit first: it is pending until payment-service "
        "has answered, or until its deadline."
    )
    saga()


@live(1)
def saga() -> None:
    requests = asked(newest)
    order_id = chosen_order({event["subject"]: event for event in requests.or_none() or []})
    told = asked(lambda: told_of(order_id)) if order_id else None
    found = told.or_none() if told else None
    order = found.order.or_none() if found else None
    user_id = order["user_id"] if order else customer()
    credit = credit_of(user_id)
    buttons(user_id, credit.then(lambda row: Decimal(row["available"])).or_none(), order)
    if overtaking().says:
        st.info(words.plain(overtaking().says), icon=":material/hourglass_top:")
    st.html(credit_html(user_id, credit))
    why = told.why if told else requests.why
    if found:
        story(found)
    elif why:
        st.warning(words.plain(why), icon=":material/help:")
    else:
        st.html(
            '<div class="empty"><b>No order has needed credit yet</b>Order something for $1,200: '
            "its way is drawn here.</div>"
        )


def chosen_order(found: dict[str, Row]) -> int | None:
    """The one that was chosen or typed, else the newest; None where there is none."""
    recall(order=str)
    chosen = st.session_state.get("order") or NEWEST
    offered = [NEWEST, *found]
    if chosen not in offered:
        offered.append(chosen)
    st.selectbox(
        "Order, or its number",
        offered,
        key="order",
        format_func=lambda id: name_of(id, found.get(id)),
        accept_new_options=True,
    )
    chosen = st.session_state.get("order") or NEWEST
    remember(order=None if chosen == NEWEST else chosen)
    if chosen == NEWEST:
        return int(next(iter(found))) if found else None
    if not chosen.isdecimal():
        raise Trouble(f"an order has a number, and {chosen!r} is none", "order-service")
    return int(chosen)


def name_of(id: str, request: Row | None) -> str:
    if request is None:
        return id if id == NEWEST else f"Order {id}"
    amount = words.money(request["data"]["amount"])
    return f"Order {id} · {amount} · {words.clock(request['time'])}"


def story(told: Told) -> None:
    if order := told.order.or_none():
        st.html(head_html(order))
    st.html(timeline_html(lanes_of(told), moments_of(told)))
    st.caption(
        "Read by the `correlationid` that all its events carry. Compensation is no undo: what was "
        "reserved is given back by a new event."
    )


page()
