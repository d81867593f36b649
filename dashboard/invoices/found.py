"""Looking for an invoice: what is searched for, and the list of those found, a page at a time. A
click anywhere on a row opens it."""

from dataclasses import dataclass
from datetime import datetime

import streamlit as st

import words
from clicks import button
from frame import live
from kept import one_of, remember
from shop.customers import Month, month_as_written, month_from
from system.reach import Row, client
from system.shared import shared

ANY = "Any"
PAGE = 50  # rows
OPENED = "▶ "


@dataclass(frozen=True)
class Which:
    """An invoice, as an address names it: 7-2025-06."""

    user_id: int
    month: Month

    @classmethod
    def read(cls, written: str) -> "Which":
        user, _, month = written.partition("-")
        return cls(int(user), month_from(month))

    @classmethod
    def of(cls, row: Row) -> "Which":
        return cls(row["user_id"], month_from(row["invoice_dt"][:7]))

    def __str__(self) -> str:
        return f"{self.user_id}-{month_as_written(self.month)}"


@shared(1)
def find(wanted: str, year: int | None, month: int | None, page: int) -> list[Row]:
    """A page of the newest months first, and one row more where there is another page. Raises
    NoAnswer."""
    return client().search_invoices(
        words=wanted, year=year, month=month, limit=PAGE + 1, offset=PAGE * (page - 1)
    )


@shared(1)
def row_of(which: Which) -> Row | None:
    """Raises NoAnswer."""
    year, month = which.month
    found = client().search_invoices(user_id=which.user_id, year=year, month=month, limit=1)
    return found[0] if found else None


def choices(years: list[int]) -> dict[str, object]:
    """How each is read from the address."""
    return {
        "search": str,
        "year": lambda written: {str(year): year for year in years}.get(written, ANY),
        "in_month": one_of(*words.MONTHS),
        "page": lambda written: max(1, int(written)),
        "invoice": Which.read,
        "as_of": datetime.fromisoformat,
    }


def remember_choices() -> None:
    state = st.session_state
    page = state.get("page", 1)
    remember(
        search=state.search.strip() or None,
        year=str(state.year) if state.year != ANY else None,
        in_month=state.in_month if state.in_month != ANY else None,
        page=str(page) if page > 1 else None,
        invoice=str(state.invoice) if state.get("invoice") else None,
        as_of=state.as_of.isoformat() if state.get("as_of") else None,
    )


def search_fields(years: list[int]) -> None:
    who, year, month = st.columns([3, 1, 1])
    who.text_input(
        "Customer",
        key="search",
        placeholder="Name, email or id",
        icon=":material/search:",
        on_change=search_anew,
    )
    year.selectbox("Year", [ANY, *years], key="year", on_change=search_anew)
    month.selectbox("Month", [ANY, *words.MONTHS], key="in_month", on_change=search_anew)


def search_anew() -> None:
    """From the first page, with its first invoice opened."""
    st.session_state.update(page=1, invoice=None, as_of=None)


def found_now() -> list[Row]:
    """Raises NoAnswer."""
    state = st.session_state
    return find(
        state.search.strip(),
        None if state.year == ANY else state.year,
        None if state.in_month == ANY else words.MONTHS.index(state.in_month) + 1,
        state.setdefault("page", 1),
    )


def opened() -> Row | None:
    """The chosen invoice, else the first of those found. Raises NoAnswer."""
    chosen = st.session_state.get("invoice")
    if chosen and (row := row_of(chosen)):
        return row
    return next(iter(found_now()), None)


@live(2)
def found_list() -> None:
    rows = found_now()
    if not rows:
        st.html('<div class="empty"><b>None found</b>Try fewer letters, or another month.</div>')
        return
    _table(rows[:PAGE])
    _pages(len(rows))
    if st.session_state.pop("opened another", False):
        st.rerun()


def _table(rows: list[Row]) -> None:
    st.session_state["listed"] = [Which.of(row) for row in rows]
    here = opened()
    shown = [
        {
            "Customer": (OPENED if here and row["invoice_id"] == here["invoice_id"] else "")
            + (row["name"] or f"User {row['user_id']}"),
            "Month": words.month(row["invoice_dt"]),
            "Total": row["total"],
        }
        for row in rows
    ]
    st.dataframe(
        shown,
        hide_index=True,
        height=430,
        on_select=open_row,
        selection_mode="single-cell",
        key="found",
        column_config={
            "Customer": st.column_config.TextColumn(width=150),
            "Total": st.column_config.NumberColumn(format="dollar"),
        },
    )


def open_row() -> None:
    cells = st.session_state.found["selection"]["cells"]
    if cells:
        which = st.session_state.listed[cells[0][0]]
        st.session_state.update({"invoice": which, "as_of": None, "opened another": True})


def _pages(count: int) -> None:
    """`count` is one more than a page where there is another."""
    page = st.session_state.page
    first = PAGE * (page - 1)
    row = st.container(horizontal=True, vertical_alignment="center")
    row.caption(f"{first + 1}–{first + min(count, PAGE)}, newest first. Click one to open it.")
    if page > 1 or count > PAGE:
        left, right = ":material/chevron_left:", ":material/chevron_right:"
        button("newer", "Newer", turn, -1, within=row, icon=left, disabled=page == 1)
        button("older", "Older", turn, 1, within=row, icon=right, disabled=count <= PAGE)


def turn(by: int) -> None:
    st.session_state.update({"page": st.session_state.page + by, "opened another": True})
