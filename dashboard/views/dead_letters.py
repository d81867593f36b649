"""Dead letters: what could not be applied, by reason; look at one, then retry or discard it, its
group, or all."""

import json

import streamlit as st

import fetch
import reach
import words
from frame import attempt, complaint, live
from pulse import pulse


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
    groups = fetch.dead_letter_groups()
    if not groups:
        nothing = (
            "<b>No dead letter waits</b>A message that cannot be applied comes here, and "
            "the others flow on. Break it can send one."
        )
        st.html(f'<div class="empty">{nothing}</div>')
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
    settle_button(row, "Retry all of this reason", "retry", chosen_of(names[chosen]), "group")
    settle_button(row, "Discard all of this reason", "discard", chosen_of(names[chosen]), "group")
    return names[chosen]


def name_of(group: reach.Row) -> str:
    return (
        words.plain(f"{group['event_type'] or 'no type'} · {group['reason']}")
        + f" · **{group['letters']}**"
    )


def chosen_of(group: reach.Row) -> reach.Row:
    return {name: group[name] for name in ("reason", "event_type") if group[name] is not None}


def letters(group: reach.Row) -> None:
    rows = {row["id"]: row for row in fetch.dead_letters("waiting", group)}
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
    settle_button(row, "Retry this one", "retry", {"ids": [id]}, "one", primary=True)
    settle_button(row, "Discard this one", "discard", {"ids": [id]}, "one")
    complaint("letters")
    letter = fetch.dead_letter(id)
    st.code(readable(letter), language="json", wrap_lines=True)
    with st.expander("The whole error, with its stack"):
        st.code(letter["error"], language=None, wrap_lines=True)


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


def settle_button(
    row: st.delta_generator.DeltaGenerator,
    label: str,
    how: str,
    chosen: reach.Row,
    which: str,
    *,
    primary: bool = False,
) -> None:
    icon = ":material/replay:" if how == "retry" else ":material/delete:"
    kind = "primary" if primary else "secondary"
    row.button(
        label, icon=icon, key=f"{how} {which}", on_click=settle, args=(how, chosen), type=kind
    )  # type: ignore[arg-type]


def settle(how: str, chosen: reach.Row) -> None:
    if told := attempt("letters", lambda: fetch.settle(how, chosen)):
        st.session_state["settled"] = told
        pulse().refresh()


def outcome() -> None:
    """What the last button did; said once, until the next."""
    told = st.session_state.get("settled")
    if not told:
        return
    if "discarded" in told:
        st.info(
            f"{words.plural(told['discarded'], 'message')} discarded. The rows stay as a record.",
            icon=":material/delete:",
        )
    elif told["failed"]:
        text = (
            f"{told['applied']} applied, {told['failed']} failed again and still wait: what is "
            "wrong with them has not been mended."
        )
        st.warning(text, icon=":material/replay:")
    else:
        st.success(
            f"{words.plural(told['applied'], 'message')} applied.", icon=":material/check_circle:"
        )


@live(5)
def what_is_settled() -> None:
    rows = [row for row in fetch.dead_letters("all", most=200) if row["status"] != "waiting"]
    if not rows:
        st.html(
            '<div class="empty"><b>Nothing settled yet</b>What has been retried or discarded is '
            "kept here.</div>"
        )
        return
    shown = [
        {
            "Message": row["id"],
            "Became": row["status"],
            "When": words.day_and_time(row["settled_at"]),
            "Type": row["event_type"],
            "Reason": row["reason"],
            "Failures": row["failures"],
        }
        for row in rows
    ]
    st.dataframe(shown, hide_index=True)


page()
