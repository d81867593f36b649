"""Stage: events move, from the command to the invoice, at the times at which they did; and time can
be stopped at each hop."""

import time
from pathlib import Path

import streamlit as st

from frame import complaint, live
from stage import rows
from stage.cards import cards
from stage.charts import flow_chart, waiting_chart
from stage.flow import flow
from stage.plan import dots_of
from stage.traces import Trace
from stage.watch import watch
from system.pulse import pulse
from waterfall.choose import choose_and_draw

DASHBOARD = Path(__file__).parents[1]

LEGEND = (
    "A dot is an event: of a user, an address, an order, or the credit it needs. Pause a relay or "
    "a consumer, place orders, and they wait. A square is a dead letter, a dashed ring a "
    "duplicate, an amber ring an event that was tried again."
)
NO_CONTROLS = " These services run without CQRS_WORKSHOP=1: the hops in between are not told."


def page() -> None:
    st.html(DASHBOARD / "stage" / "page.css")
    st.html(DASHBOARD / "waterfall" / "page.css")
    moving()
    with st.expander("Rates and waiting", key="rates", on_change="rerun") as more:
        if more.open:
            history()


@live(1)
def moving() -> None:
    traces, samples = watch().look(), pulse().look()
    workshop = samples[-1].has_controls()
    dots, every = dots_of(traces, time.time())
    crowd = f" At this rate one dot is drawn for about {every} events." if every > 1 else ""
    first = "" if traces else " No event has been made yet: place an order."
    flow(
        {
            **cards(samples),
            "dots": dots,
            "controls": workshop,
            "orders": True,
            "legend": LEGEND + ("" if workshop else NO_CONTROLS) + crowd + first,
        }
    )
    complaint("stage")
    sides(traces)
    st.html('<div class="side"><b>One command</b> hop by hop, from click to invoice</div>')
    choose_and_draw(traces)


def sides(traces: list[Trace]) -> None:
    write, read = st.columns(2, gap="large")
    with write:
        st.html('<div class="side"><b>Write side</b> the newest rows of the command services</div>')
        st.html(rows.written_html(traces))
    with read:
        st.html('<div class="side"><b>Read side</b> the invoices changed last</div>')
        st.html(rows.read_html(traces))


@live(2)
def history() -> None:
    samples = pulse().look()
    if len(samples) < 3:
        st.caption("The first seconds are being measured …")
        return
    rate, waiting = st.columns(2)
    with rate:
        st.markdown("**Events a second**")
        flow_chart(samples)
    with waiting:
        st.markdown("**Events waiting**")
        waiting_chart(samples)


page()
