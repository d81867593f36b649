"""What the buttons of the dead letters do, and what came of it."""

import streamlit as st

import words
from clicks import button
from frame import attempt
from system import fetch, reach
from system.pulse import pulse


def settle_button(
    row: st.delta_generator.DeltaGenerator,
    label: str,
    how: str,
    chosen: reach.Row,
    which: str,
    *,
    primary: bool = False,
) -> None:
    button(
        f"{how} {which}",
        label,
        settle,
        how,
        chosen,
        within=row,
        icon=":material/replay:" if how == "retry" else ":material/delete:",
        type="primary" if primary else "secondary",
    )


def settle(how: str, chosen: reach.Row) -> None:
    if told := attempt("letters", lambda: fetch.settle(how, chosen)):
        st.session_state["settled"] = told
        pulse().refresh()


def outcome() -> None:
    """What the last button did; said once, until the next."""
    told = st.session_state.get("settled")
    if not told:
        return
    if "edited" in told:
        st.success(f"Message {told['edited']} applied as edited.", icon=":material/check_circle:")
    elif "discarded" in told:
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


def apply_edited(service: str, id: int) -> None:
    body = st.session_state[f"edited_{service}_{id}"]
    if attempt("edited", lambda: retry_edited(service, id, body)):
        st.session_state["settled"] = {"edited": id}
        pulse().refresh()


def retry_edited(service: str, id: int, body: str) -> bool:
    reach.client().retry_edited(id, body, service)
    fetch.dead_letter_groups.clear()
    fetch.dead_letter.clear()
    return True
