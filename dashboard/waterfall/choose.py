"""One command, hop by hop: the chosen one, else the newest."""

from collections.abc import Sequence

import streamlit as st

import words
from stage.traces import Trace
from system.exchanges import exchange_of
from waterfall.bars import bars
from waterfall.draw import waterfall_html
from waterfall.sources import COMMANDS

NEWEST, OFFERED = "The newest", 30


def choose_and_draw(traces: Sequence[Trace]) -> None:
    sent = {trace.id: trace for trace in traces if _is_a_command(trace)}
    if not sent:
        st.caption("Place an order, and its way is drawn here, hop by hop.")
        return
    newest_first = sorted(sent, key=lambda id: -(sent[id].accepted or 0.0))
    offered = [NEWEST, *newest_first[:OFFERED]]
    chosen = st.session_state.get("trace", NEWEST)
    if chosen not in offered:
        offered.append(chosen)  # it stays chosen while newer ones come
    st.selectbox(
        "Command",
        offered,
        key="trace",
        format_func=lambda id: _name(sent.get(id)) if id != NEWEST else NEWEST,
    )
    trace = sent.get(newest_first[0] if chosen == NEWEST else chosen)
    if trace is None:
        st.caption("That command is too long ago: only the newest are remembered.")
        return
    st.html(waterfall_html(bars(trace, exchange_of(trace.id))))
    st.caption("Click a hop: the SQL that ran, the event as it travelled, the HTTP exchange.")


def _is_a_command(trace: Trace) -> bool:
    return trace.accepted is not None and trace.event["type"] in COMMANDS


def _name(trace: Trace | None) -> str:
    if trace is None:
        return "no more remembered"
    event = trace.event
    return f"{event['type']} {event['subject']} · {words.clock(event['time'])}"
