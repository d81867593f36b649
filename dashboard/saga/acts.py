"""What the buttons of the page do. Each makes a real order, and what befalls it is real, too."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial

import streamlit as st

from clicks import button
from frame import attempt, complaint
from saga.ask import customer, newest, told_of
from saga.overtaking import overtaking
from saga.story import Row
from system import fetch
from system.pulse import pulse

FORM = "saga"
NEEDS_CREDIT = Decimal("1200.00")
CONSUMER = "payment consumer"


def buttons(user_id: int | None, available: Decimal | None, order: Row | None) -> None:
    """`available`: the customer's credit that is left; None where it is not known."""
    row = st.container(horizontal=True)
    does = partial(act, order_for, user_id)
    button("order credit", "Order for $1,200", does, NEEDS_CREDIT, within=row, type="primary")
    above = max((available or Decimal(0)) + 1, NEEDS_CREDIT)
    unknown = available is None
    button("order above", "Order above the limit", does, above, within=row, disabled=unknown)
    can_cancel = order is not None and order["status"] in ("approved", "cancelled")
    id = order["id"] if order else 0
    button("cancel", "Cancel this order", act, cancel, id, within=row, disabled=not can_cancel)
    silence(row, user_id)
    overtake(row, user_id)
    complaint(FORM)


def silence(row: st.delta_generator.DeltaGenerator, user_id: int | None) -> None:
    """payment-service takes no message, so nobody answers until the deadline."""
    mode = pulse().now().mode(CONSUMER)
    if mode == "paused" and not overtaking().runs:
        button("go on", "Let payment-service go on", act, go_on, within=row)
    else:
        button(
            "stop",
            "Stop payment-service, let the deadline pass",
            act,
            stop_and_order,
            user_id,
            within=row,
            disabled=mode not in ("running", "stuck") or overtaking().runs,
        )


def overtake(row: st.delta_generator.DeltaGenerator, user_id: int | None) -> None:
    button(
        "overtake",
        "Let a release overtake its reservation",
        act,
        overtaken,
        user_id,
        within=row,
        disabled=overtaking().runs or not pulse().now().has_controls(),
    )


def act(what: Callable[..., int | None], *arguments: object) -> None:
    """The order that it made, if it made one, is shown then."""
    made = attempt(FORM, lambda: what(*arguments))
    if made is not None:
        st.session_state["order"] = str(made)
    for answers in (newest, told_of):
        answers.clear()
    pulse().refresh()


def order_for(user_id: int | None, amount: Decimal) -> int:
    who = customer() if user_id is None else user_id
    return int(fetch.place_order(who, "A bicycle", amount).body["id"])


def cancel(order_id: int) -> int:
    return int(fetch.cancel_order(order_id).body["id"])


def stop_and_order(user_id: int | None) -> int:
    fetch.set_gate(CONSUMER, "paused")
    return order_for(user_id, NEEDS_CREDIT)


def go_on() -> None:
    fetch.set_gate(CONSUMER, "running")


def overtaken(user_id: int | None) -> int:
    return overtaking().start(lambda: order_for(user_id, NEEDS_CREDIT))
