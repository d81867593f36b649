"""Buttons of which a click counts once.

The browser keeps a click for an instant before it sends it. Where a live part of the page asks to
be drawn again in that very instant, the click goes out with that request, and then once more. So a
button has a number, which its click uses up, and a click with a used number is dropped. The second
click of a double click is, too, unless the button was drawn anew between the two.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st


def button(
    name: str,
    label: str,
    does: Callable[..., object],
    *arguments: object,
    within: Any = st,
    **look: Any,
) -> None:
    """An st.button in the container `within`; its `name` is its own on the page."""
    number = _used().get(name, 0)
    within.button(
        label,
        key=f"{name} {number}",
        on_click=_click,
        args=(name, number, does, *arguments),
        **look,
    )


def _click(name: str, number: int, does: Callable[..., object], *arguments: object) -> None:
    if _used().get(name, 0) == number:
        _used()[name] = number + 1
        does(*arguments)


def _used() -> dict[str, int]:
    """How many clicks of each button have counted, for this viewer."""
    used: dict[str, int] = st.session_state.setdefault("clicks", {})
    return used
