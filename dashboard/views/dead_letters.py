"""Dead letters: what could not be applied, by reason; look at one, then retry it, edit and retry
it, or discard it; or retry or discard its group.
"""

import streamlit as st

import words
from dead_letters.one_letter import letters, name_of
from dead_letters.settling import outcome, settle_button
from frame import live, tell
from system import fetch, reach

REACH = {"invoice-service": "reach an invoice"}


def page() -> None:
    waiting, settled = st.tabs(["Waiting", "Settled"], on_change="rerun", key="letters tab")
    if waiting.open:
        with waiting:
            what_waits()
    if settled.open:
        with settled:
            what_is_settled()


@live(2)
def what_waits() -> None:
    outcome()
    groups, silent = fetch.dead_letter_groups()
    for away in silent:
        tell(away)
    if not groups and not silent:
        nothing = (
            "<b>No dead letter waits</b>A message that cannot be applied comes here, and "
            "the others flow on. Break it can send one."
        )
        st.html(f'<div class="empty">{nothing}</div>')
        return
    if not groups:
        return
    left, right = st.columns([5, 7], gap="large")
    with left:
        group = choose_group(groups)
    with right:
        letters(group)


def choose_group(groups: list[reach.Row]) -> reach.Row:
    st.markdown(
        f"**{words.plural(sum(group['letters'] for group in groups), 'message')} set aside, by "
        "reason**"
    )
    names = {name_of(group): group for group in groups}
    chosen: str = st.radio("Reason", list(names), key="group", label_visibility="collapsed")
    st.caption(
        "A retry applies a message here and now, once, however often it is asked for. It helps "
        "when the cause has been mended."
    )
    row = st.container(horizontal=True)
    group = names[chosen]
    settle_button(row, "Retry all of this reason", "retry", chosen_of(group), "group")
    with row.popover("Discard all of this reason", icon=":material/delete:"):
        st.markdown(
            f"What {words.plural(group['letters'], 'message')} told of will never "
            f"{REACH.get(group['service'], 'count')}. The rows stay as a record."
        )
        label = f"Yes, discard {words.number(group['letters'])}"
        settle_button(st.container(), label, "discard", chosen_of(group), "group", primary=True)
    return group


def chosen_of(group: reach.Row) -> reach.Row:
    named = ("service", "reason", "event_type")
    return {name: group[name] for name in named if group[name] is not None}


@live(5)
def what_is_settled() -> None:
    rows, silent = fetch.settled_letters()
    for away in silent:
        tell(away)
    if not rows and not silent:
        st.html(
            '<div class="empty"><b>Nothing settled yet</b>What has been retried or discarded is '
            "kept here.</div>"
        )
        return
    shown = [
        {
            "Service": row["service"],
            "Message": row["id"],
            "Became": row["status"] + (", edited" if row["edited"] else ""),
            "When": words.day_and_time(row["settled_at"]),
            "Type": row["event_type"],
            "Reason": row["reason"],
            "Failures": row["failures"],
        }
        for row in rows
    ]
    st.dataframe(shown, hide_index=True)


page()
