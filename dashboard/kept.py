"""What a viewer has chosen: kept over navigation and reload, and written into the address, so that
a link can be sent.

Streamlit forgets a widget's value when another page is drawn. So `recall()` comes before a page's
widgets, and `remember()` after them.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

Read = Callable[[str], Any]


def recall(**choices: Read) -> None:
    """What the widget of this key chose in this session, else what the address says. `choices`: how
    each is read from the address; what cannot be read (ValueError) is as if it were not there."""
    kept = st.session_state.setdefault("kept", {})
    for key, read in choices.items():
        if key in st.session_state:
            continue
        if key in kept:
            st.session_state[key] = kept[key]
        elif key in st.query_params:
            try:
                st.session_state[key] = read(st.query_params[key])
            except ValueError:
                del st.query_params[key]


def remember(**choices: str | None) -> None:
    """`choices`: how each is written into the address; None leaves it out."""
    kept = st.session_state.setdefault("kept", {})
    for key, written in choices.items():
        if key in st.session_state:
            kept[key] = st.session_state[key]
        if written is None and key in st.query_params:
            del st.query_params[key]
        elif written is not None and st.query_params.get(key) != written:
            st.query_params[key] = written


def one_of(*known: str) -> Read:
    """Reads one of these words."""

    def read(text: str) -> str:
        if text not in known:
            raise ValueError(text)
        return text

    return read
