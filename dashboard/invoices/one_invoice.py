"""One invoice: as it is, or as it was at any moment of its life; to read, and to take away."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import partial
from typing import Any

import streamlit as st

import words
from cqrs_demo.client.errors import NoAnswer
from frame import live
from invoices.found import Which, opened
from invoices.paper import as_csv, as_page, file_name
from invoices.pdf import as_pdf
from invoices.timeline import timeline_html
from receipt import as_of_words, invoice_html
from system import fetch
from system.reach import Row, client
from system.shared import shared

LINES = 20  # on the screen at a time
MOMENTS = 500  # that one answer has


@shared(2)
def moments_of(invoice_id: str) -> list[datetime]:
    """Every moment at which the invoice became another, oldest first. Raises NoAnswer."""
    moments: list[str] = []
    while True:
        after = {"after": moments[-1]} if moments else {}
        page = client().moments(invoice_id, limit=MOMENTS, **after)
        moments += [row["happened_at"] for row in page]
        if len(page) < MOMENTS:
            return [datetime.fromisoformat(moment) for moment in moments]


def one_invoice() -> None:
    with st.container(key="opened" if st.session_state.get("invoice") else "first"):
        _invoice()
        try:
            found = opened()
        except NoAnswer:  # said above; once it answers, all of it is drawn again
            st.session_state["another moment"] = True
            return
        if found:
            downloads(Which.of(found), found["name"] or f"User {found['user_id']}")


@live(2)
def _invoice() -> None:
    found = opened()
    if st.session_state.pop("another moment", False):
        st.rerun()  # what is downloaded is of the moment, too
    if found is None:
        return
    time_travel(str(found["invoice_id"]))
    invoice = as_chosen(Which.of(found), st.session_state.get("as_of"))
    if invoice is None:
        st.html(
            '<div class="empty"><b>Not there yet</b>At that moment this invoice did not '
            "exist.</div>"
        )
        return
    name = found["name"] or f"User {found['user_id']}"
    before = LINES * (lines_page(len(invoice["orders"]), str(found["invoice_id"])) - 1)
    as_of = st.session_state.get("as_of")
    st.html(invoice_html(invoice, name, shown=LINES, skip=before, as_of=as_of))


def as_chosen(which: Which, as_of: datetime | None) -> Row | None:
    """Raises NoAnswer."""
    if as_of:
        return fetch.invoice_as_of(as_of, which.user_id, *which.month)
    return fetch.invoice(which.user_id, *which.month)


def time_travel(invoice_id: str) -> None:
    """Every moment can be reached: by the slider roughly, by the buttons one by one."""
    moments = moments_of(invoice_id)
    if len(moments) < 2:
        return
    as_of = st.session_state.get("as_of")
    at = len(moments) if as_of is None else sum(moment <= as_of for moment in moments)
    at = max(1, at)
    told = "now" if as_of is None else as_of_words(as_of).removeprefix("as of ")
    st.markdown(f"**As of** · {words.plain(told)} · moment {at:,} of {len(moments):,}")
    row = st.container(horizontal=True, vertical_alignment="center")
    go = partial(go_to, moments)
    row.button(
        ":material/chevron_left:",
        key="earlier",
        help="One moment earlier",
        on_click=go,
        args=(at - 1,),
        disabled=at == 1,
    )
    key = f"moment {invoice_id} {len(moments)}"
    st.session_state[key] = at
    row.slider(
        "As of",
        1,
        len(moments),
        key=key,
        label_visibility="collapsed",
        on_change=lambda: go_to(moments, st.session_state[key]),
    )
    row.button(
        ":material/chevron_right:",
        key="later",
        help="One moment later",
        on_click=go,
        args=(at + 1,),
        disabled=at == len(moments),
    )
    st.html(timeline_html(moments, as_of))


def go_to(moments: list[datetime], number: int) -> None:
    """The last moment is now."""
    as_of = None if number >= len(moments) else moments[number - 1]
    st.session_state.update({"as_of": as_of, "another moment": True})


def lines_page(count: int, invoice_id: str) -> int:
    """Which of the pages of lines, the newest first."""
    pages = -(-count // LINES)
    return st.pagination(pages, key=f"lines {invoice_id}") if pages > 1 else 1


def downloads(which: Which, name: str) -> None:
    """Made when they are clicked: an invoice may have thousands of lines."""
    as_of, row = st.session_state.get("as_of"), st.container(horizontal=True)
    for label, make, ending, kind, icon in (
        ("PDF", as_pdf, "pdf", "application/pdf", "picture_as_pdf"),
        ("HTML, to print", as_page, "html", "text/html", "print"),
        ("CSV", lambda invoice, name, as_of: as_csv(invoice, as_of), "csv", "text/csv", "table"),
    ):
        row.download_button(
            label,
            partial(made, make, which, name, as_of, words.zone()),
            f"{file_name(which.user_id, which.month, as_of)}.{ending}",
            kind,
            icon=f":material/{icon}:",
            on_click="ignore",
        )
    if as_of:
        row.caption(f"Marked {as_of_words(as_of)}.")


def made(
    make: Callable[[Row, str, datetime | None], Any],
    which: Which,
    name: str,
    as_of: datetime | None,
    zone: tzinfo,
) -> Any:
    """In a thread of its own, that knows no viewer: so their zone is handed in."""
    with words.in_zone(zone):
        return make(as_chosen(which, as_of) or {}, name, as_of)
