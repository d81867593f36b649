"""Break it: each fault with what is expected, what is happening, and at the top the proof that
nothing was lost or doubled."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

import words
from break_it.experiments import EXPERIMENTS
from break_it.proof import proof_html, verdict
from break_it.traffic import RATE, SECONDS, traffic
from clicks import button
from frame import guarded, live
from system.faults import can_break_processes
from system.pulse import pulse


def page() -> None:
    if not pulse().now().has_controls():
        st.info(
            "There is nothing to break here: these services run without CQRS_WORKSHOP=1.",
            icon=":material/lock:",
        )
        return
    moving()


@live(1)
def moving() -> None:
    """One part of the page: what is drawn apart costs each viewer another drawing a second."""
    guarded(proof)()
    if not can_break_processes():
        st.caption(
            "These services run in containers: `docker compose kill order-service` or `pause "
            "rabbitmq` break them from outside."
        )
    experiments()


def experiments() -> None:
    for row in (EXPERIMENTS[:3], EXPERIMENTS[3:]):
        for column, (title, expected, draw) in zip(st.columns(3), row, strict=True):
            with column.container(border=True, height="stretch"):
                st.markdown(f"**{title}**")
                st.caption(expected)
                guarded(draw)()


# The proof


def proof() -> None:
    samples = pulse().look_at_proof()
    told = verdict(samples)
    st.html(proof_html(samples[-1], told))
    row = st.container(horizontal=True, vertical_alignment="center")
    orders_to_come(row)
    if told.verify:
        row.page_link("views/replay.py", label="Verify", icon=":material/fact_check:")


def orders_to_come(row: DeltaGenerator) -> None:
    orders = traffic()
    if orders.left:
        label = f"Stop the orders ({orders.left:.0f} s left)"
        button("stop traffic", label, orders.stop, within=row, icon=":material/stop:")
    else:
        label = f"Send {RATE} orders a second for {SECONDS} s"
        icon = ":material/play_arrow:"
        button("traffic", label, orders.start, within=row, icon=icon, type="primary")
    if orders.accepted or orders.failed:
        refused = f", {words.number(orders.failed)} got no answer" if orders.failed else ""
        row.markdown(f"{words.number(orders.accepted)} accepted{refused}.")
    else:
        row.caption("Let orders flow, break something below, and watch the two numbers meet again.")


page()
