"""What every page shares: live parts that cannot fail loudly, and calm words for what is wrong."""

from collections.abc import Callable
from functools import partial, wraps
from html import escape
from time import monotonic
from typing import Any

import streamlit as st
import structlog

import words
from cqrs_demo.client.errors import NoAnswer, Refused, Trouble
from cqrs_demo.client.place import PREFIXES
from system.pulse import pulse

log = structlog.get_logger()

STILL_WORKS = {
    "user-service": "Orders are still accepted and invoices shown. New customers and addresses "
    "have to wait.",
    "order-service": "Customers are still accepted and invoices shown. New orders have to wait.",
    "payment-service": "Small orders are still approved. An order that needs credit waits, and is "
    "rejected when its deadline passes.",
    "invoice-service": "Customers and orders are still accepted: their events wait, and the "
    "invoices catch up when it is back.",
    "the system": "Start it, and this page goes on by itself.",
}


def guarded(draw: Callable[..., None]) -> Callable[..., None]:
    """Whatever happens while drawing, a person reads a sentence; the traceback goes to the log."""

    @wraps(draw)
    def drawn(*arguments: Any, **named: Any) -> None:
        try:
            draw(*arguments, **named)
        except Trouble as trouble:
            tell(trouble)
        except Exception:
            log.exception("a page could not be drawn", part=draw.__name__)
            st.error(
                "This part could not be drawn. The others go on; the dashboard's log says why.",
                icon=":material/error:",
            )

    return drawn


def whole_page(draw: Callable[[], None]) -> None:
    """A page that could not be drawn, as somebody was silent, is drawn again until it can be."""
    try:
        draw()
    except NoAnswer as away:
        tell(away)
        _draw_again(monotonic())


def in_turn(draw: Callable[[], None]) -> Callable[[], None]:
    """A page on which a click waits for what the click before it does. Outside of a fragment
    Streamlit breaks that off half-way, and begins with the second click at once."""
    fragment: Callable[[], None] = st.fragment(guarded(wraps(draw)(partial(whole_page, draw))))
    return fragment


@st.fragment(run_every=2)
def _draw_again(since: float) -> None:
    if monotonic() - since > 1:  # Streamlit also runs this at once, with the page itself
        st.rerun()


def live(every: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A part of a page that is drawn again by itself, `every` so many seconds, without the rest of
    the page."""

    def decorate(draw: Callable[..., None]) -> Callable[..., None]:
        fragment: Callable[..., None] = st.fragment(guarded(draw), run_every=every)
        return fragment

    return decorate


def tell(trouble: Trouble) -> None:
    text = words.plain(str(trouble))
    if isinstance(trouble, NoAnswer):
        st.warning(f"**{text}.** {still_works(trouble.where)}", icon=":material/cloud_off:")
    else:
        st.error(text, icon=":material/block:")


def still_works(away: str) -> str:
    """What goes on without it, where that is known."""
    if away in PREFIXES and not _others_work(away):
        return "It is tried again and again, and this page goes on by itself."
    return STILL_WORKS.get(away, "What does not need it goes on.")


def _others_work(service: str) -> bool:
    try:
        return pulse().now().others_work(service)
    except Trouble:
        return False


def attempt(form: str, act: Callable[[], Any]) -> Any:
    """What a command answers, or None; then `complaint()` has what is wrong, by field. For the
    callbacks of buttons."""
    st.session_state[f"{form} complaints"] = {}
    try:
        return act()
    except Refused as refused:
        fields = refused.fields or {"email" if refused.code == "email-taken" else "": refused.why}
    except NoAnswer as away:
        fields = {"": f"{away}. {still_works(away.where)}"}
    except Trouble as trouble:
        fields = {"": str(trouble)}
    except Exception:
        log.exception("a command failed", form=form)
        fields = {"": "That did not work; the dashboard's log says why."}
    st.session_state[f"{form} complaints"] = fields
    return None


PLAINER = {
    "String should have at least 1 character": "must not be empty",
    "Input should be greater than 0": "must be more than zero",
    "Decimal input should have no more than 2 decimal places": "has more than two decimals",
}


def complaint(form: str, field: str = "") -> None:
    """What is wrong with a field, under it; without a field, what is wrong with the whole."""
    message = st.session_state.get(f"{form} complaints", {}).get(field)
    if message:
        st.html(
            f'<div class="complaint" role="alert">{escape(PLAINER.get(message, message))}</div>'
        )
