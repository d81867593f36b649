"""What the dashboard's process does once, when its first visitor comes, beside drawing the page.

Streamlit collects all garbage after every run of a script or fragment. That walks every object there is, and pandas,
Altair and SQLAlchemy bring some hundred thousand that never become garbage: measured, nine tenths of the cost of drawing a
fragment again. Frozen, they are passed over.
"""

import gc
import threading
from importlib import import_module

import streamlit as st

HEAVY = ("pandas", "altair", "pyarrow")


@st.cache_resource(show_spinner=False)
def warm_up() -> threading.Thread:
    """Started once for all sessions; nobody waits for it."""
    thread = threading.Thread(target=_load_and_freeze, name="warm-up", daemon=True)
    thread.start()
    return thread


def _load_and_freeze() -> None:
    for name in HEAVY:
        import_module(name)
    gc.collect()
    gc.freeze()
