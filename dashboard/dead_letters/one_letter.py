"""One dead letter of a group: what came, why it failed, and what can be done with it."""

import json

import streamlit as st

import words
from dead_letters.settling import apply_edited, settle_button
from frame import complaint
from system import fetch, reach


def letters(group: reach.Row) -> None:
    rows = {row["id"]: row for row in fetch.dead_letters(group)}
    if not rows:
        st.caption("They have just been settled.")
        return
    id = st.selectbox(
        "Message",
        list(rows),
        key=f"letter {name_of(group)}",
        format_func=lambda id: title(rows[id]),
    )
    row = st.container(horizontal=True)
    chosen = {"service": group["service"], "ids": [id]}
    settle_button(row, "Retry this one", "retry", chosen, "one", primary=True)
    settle_button(row, "Discard this one", "discard", chosen, "one")
    complaint("letters")
    letter = fetch.dead_letter(group["service"], id)
    tabs = st.tabs(list(TABS), on_change="rerun", key="letter_tabs")
    for tab, draw in zip(tabs, TABS.values(), strict=True):
        if tab.open:
            with tab:
                draw(letter)


def as_it_came(letter: reach.Row) -> None:
    st.code(readable(letter), language="json", wrap_lines=True)


def whole_error(letter: reach.Row) -> None:
    st.code(letter["error"], language=None, wrap_lines=True)


def edit_form(letter: reach.Row) -> None:
    st.caption(
        "Applied in place of what came, which is kept beside it. The log stays as it is: a replay "
        "makes of it what it always had."
    )
    which = f"{letter['service']}_{letter['id']}"
    with st.form(f"edit {which}", border=False):
        st.text_area(
            "Message",
            readable(letter),
            height=300,
            key=f"edited_{which}",
            label_visibility="collapsed",
        )
        complaint("edited")
        st.form_submit_button(
            "Apply it as edited",
            type="primary",
            icon=":material/edit:",
            on_click=apply_edited,
            args=(letter["service"], letter["id"]),
        )


def title(letter: reach.Row) -> str:
    times = f", failed {words.plural(letter['failures'], 'time')}" if letter["failures"] > 1 else ""
    return (
        f"{letter['id']} · from queue {letter['queue']} · "
        f"{words.day_and_time(letter['last_failed'])}{times}"
    )


def readable(letter: reach.Row) -> str:
    """The body as it came; laid out where it is JSON."""
    body = letter["body"]
    if body is None:
        return f"no text; base64: {letter['body_base64']}"
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return str(body)


def name_of(group: reach.Row) -> str:
    service = group["service"]
    return (
        words.plain(f"{service} · {group['event_type'] or 'no type'} · {group['reason']}")
        + f" · **{group['letters']}**"
    )


TABS = {"As it came": as_it_came, "Edit and retry": edit_form, "The whole error": whole_error}
