"""What the dashboard's process does once, when its first visitor comes, beside drawing the page."""

import threading
from importlib import import_module

import streamlit as st

HEAVY = ("pandas", "altair", "pyarrow")


@st.cache_resource(show_spinner=False)
def warm_up() -> threading.Thread:
    """Started once for all sessions; nobody waits for it."""
    thread = threading.Thread(target=_load, name="warm-up", daemon=True)
    thread.start()
    return thread


def _load() -> None:
    for name in HEAVY:
        import_module(name)
