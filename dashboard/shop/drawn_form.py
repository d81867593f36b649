"""A form as it stands on the page has one Idempotency-Key, until it is changed or answered. So a
double click, and a second try after an answer that was lost, are the same command: one row.

The key is handed to the button when it is drawn, and comes back with the click: the second click of
two was made on the same drawn form, and so it brings the same key.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import streamlit as st

from cqrs_demo.client.answer import Answer
from cqrs_demo.client.errors import NoAnswer
from frame import attempt

Command = Callable[[str], Answer]


def key_of(form: str) -> str:
    """For the button that is drawn now."""
    key: str = st.session_state.setdefault(f"{form} key", str(uuid4()))
    return key


def submit_button(
    form: str, label: str, does: Callable[[str], None], *, icon: str, within: Any = st, **look: Any
) -> None:
    """Inside an st.form, in the column `within`. `does` gets the key that is drawn now."""
    key = key_of(form)
    within.form_submit_button(
        label,
        icon=f":material/{icon}:",
        key=f"{label} {key}",
        on_click=does,
        args=(key,),
        **look,
    )


def number_of(key: str) -> int:
    """What is made up for a form is the same for both clicks."""
    return UUID(key).int % 2**30


def send(form: str, key: str, body: Any, command: Command) -> Answer | None:
    """What the command answers, or None; then `complaint()` has what is wrong. With the key the
    form was drawn with, unless that was sent with another `body` already."""
    sent = st.session_state.setdefault("sent", {})
    last_key, last_body = sent.get(form, (None, None))
    if key == last_key and body != last_body:  # changed since
        key = str(uuid4())
    sent[form] = (key, body)
    answer: Answer | None = attempt(form, lambda: _twice(command, key))
    if answer:
        st.session_state.pop(f"{form} key", None)
        st.session_state["replayed"] = {form: "Idempotent-Replayed" in answer.headers}
    return answer


def _twice(command: Command, key: str) -> Answer:
    """Once more after a connection that broke: safe, for the key is the same."""
    try:
        return command(key).checked()
    except NoAnswer:
        return command(key).checked()


def tell_replayed(form: str) -> None:
    """Under the form, when its last answer was that of an earlier request."""
    if st.session_state.get("replayed", {}).get(form):
        st.info(
            "Sent twice with one Idempotency-Key: the service **replayed** its first answer "
            "(`Idempotent-Replayed: true`), and there is one row.",
            icon=":material/filter_1:",
        )
