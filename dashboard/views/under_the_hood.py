"""Under the hood: the pipeline with live numbers, and a clock that can be stopped."""

import streamlit as st

import fetch
import reach
from charts import flow_chart, waiting_chart
from frame import attempt, complaint, live
from made_up import an_order
from picture import flow_of, picture
from pulse import pulse
from sample import Sample
from stations import COLUMNS, stations_html, where_events_are


def page() -> None:
    pipeline()
    controls()
    tabs = st.tabs(list(BELOW), on_change="rerun", key="below")
    for tab, draw in zip(tabs, BELOW.values(), strict=True):
        if tab.open:
            with tab:
                draw()


@live(1)
def pipeline() -> None:
    samples = pulse().look()
    st.html(picture(samples[-1], flow_of(samples), reach.broker_name()))


@live(1)
def controls() -> None:
    sample = pulse().now()
    for column, gate in zip(st.columns(3), fetch.GATES, strict=True):
        with column:
            control(sample, gate)
    complaint("gates")


def control(sample: Sample, gate: str) -> None:
    mode = sample.mode(gate)
    paused, row = mode == "paused", st.container(horizontal=True)
    label, icon = (
        (f"Resume {gate}", ":material/play_arrow:")
        if paused
        else (f"Pause {gate}", ":material/pause:")
    )
    to = "running" if paused else "paused"
    row.button(
        label,
        icon=icon,
        key=f"set {gate}",
        on_click=set_gate,
        args=(gate, to),
        disabled=mode in ("away", "unknown"),
        width="stretch",
    )
    row.button(
        "Step",
        icon=":material/skip_next:",
        key=f"step {gate}",
        on_click=step_gate,
        args=(gate,),
        disabled=not paused,
        width="stretch",
        help=f"Lets one event pass the {gate}"
        if paused
        else f"Pause the {gate} first: then its events can be moved one at a time",
    )


def set_gate(gate: str, mode: str) -> None:
    attempt("gates", lambda: fetch.set_gate(gate, mode))
    pulse().refresh()


def step_gate(gate: str) -> None:
    attempt("gates", lambda: fetch.step(gate))
    where_events_are.clear()
    pulse().refresh()


def stations() -> None:
    order_button()
    events_at_stations()


@st.fragment  # of its own: a click draws the button again, and not the whole page
def order_button() -> None:
    st.button("Place an order", icon=":material/add_shopping_cart:", on_click=place_order)
    complaint("event")


def place_order() -> None:
    buyer = fetch.newest_users()[:1]
    attempt("event", lambda: fetch.place_order(buyer[0]["id"] if buyer else 1, *an_order()))
    where_events_are.clear()
    pulse().refresh()


@live(1)
def events_at_stations() -> None:
    columns = where_events_are()
    now = {str(row["id"]): name for name in COLUMNS for row in columns[name]}
    remembered = st.session_state.setdefault("stations", {"now": now, "before": now})
    if now != remembered["now"]:
        remembered.update(before=remembered["now"], now=now)
    st.html(stations_html(columns, remembered["before"]))
    if not now:
        st.caption(
            "No event has been made yet. Place an order in the Shop, or run "
            f"`{reach.command('demo-data')}`."
        )


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


BELOW = {
    "Where the events are": stations,
    "Rates and waiting": history,
}

page()
