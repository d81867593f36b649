"""A drift made by hand, and the damaged invoice as it is served now."""

from datetime import UTC

import streamlit as st

import words
from clicks import button
from frame import attempt, complaint, live
from receipt import invoice_html
from system import fetch
from system.reach import client


def damage_button() -> None:
    button("damage", "Damage it", damage, icon=":material/heart_broken:")
    complaint("damage")


def damage() -> None:
    if told := attempt("damage", client().damage):
        st.session_state["damaged"] = told
        fetch.invoice.clear()


@live(1)
def damaged_invoice() -> None:
    """It goes on being served: wrong, then mended."""
    damaged = st.session_state.get("damaged")
    if damaged is None:
        return
    month = words.instant(damaged["invoice_dt"]).astimezone(UTC)
    invoice = fetch.invoice(damaged["user_id"], month.year, month.month)
    lost = f" and lost order {damaged['lost']}" if damaged["lost"] else ""
    st.markdown(
        f"**The invoice that was damaged, as it is served now.** A hand changed order "
        f"{damaged['changed']}{lost}; the logs were not touched."
    )
    if invoice:
        st.html(invoice_html(invoice, f"User {damaged['user_id']}", shown=5))
