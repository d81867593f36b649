"""The component on the page: what it is told, and what its buttons do. flow.js draws; it keeps what
it has drawn over reruns, so a rerun only brings news.
"""

from pathlib import Path
from typing import Any

import streamlit as st

from frame import attempt
from made_up import an_order
from stage.watch import watch
from system import fetch
from system.pulse import pulse

HERE = Path(__file__).parent
KEY = "flow"


def flow(data: dict[str, Any]) -> None:
    component(key=KEY, data=data, on_act_change=act)


def component(**mount: Any) -> None:
    """Declared at each draw: Streamlit keeps components by name, and this one does not change."""
    html, css, js = (_text(f"flow.{kind}") for kind in ("html", "css", "js"))
    st.components.v2.component("flow", html=html, css=css, js=js)(**mount)


def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def act() -> None:
    """A button of a card was clicked."""
    asked = st.session_state[KEY].act
    if asked is None or asked["at"] == st.session_state.get("stage click"):
        return  # it has come twice: clicks.py
    st.session_state["stage click"] = asked["at"]
    does = {
        "order": place_order,
        "toggle": lambda: fetch.set_gate(asked["gate"], asked["to"]),
        "step": lambda: fetch.step(asked["gate"]),
    }
    if asked["do"] in does:
        attempt("stage", does[asked["do"]])
    watch().soon()
    pulse().refresh()


def place_order() -> None:
    """For the newest customer; the order service does not mind whether there is one."""
    buyer = fetch.newest_users()[:1]
    fetch.place_order(buyer[0]["id"] if buyer else 1, *an_order())
