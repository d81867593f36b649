"""Invoices: find one, print it, see what it was at any earlier moment; and what all of them add up
to."""

from datetime import UTC, datetime

import streamlit as st

import fetch
import reach
import words
from frame import live
from paper import as_csv, as_page
from receipt import invoice_html
from revenue_charts import months_chart, top_chart

ANY = "Any"


def page() -> None:
    one, all_of_them = st.tabs(["Invoices", "Revenue"], on_change="rerun", key="invoices tab")
    if one.open:
        with one:
            find()
    if all_of_them.open:
        with all_of_them:
            revenue()


def find() -> None:
    years = fetch.invoiced_years()
    if not years:
        st.html(
            '<div class="empty"><b>No invoice yet</b>Place an order in the Shop: its invoice will '
            "be here.</div>"
        )
        return
    which, year, month = st.columns([3, 1, 1])
    wanted = which.text_input(
        "Customer", key="search", placeholder="Name, email or id", icon=":material/search:"
    )
    year.selectbox("Year", [ANY, *years], key="year")
    month.selectbox("Month", [ANY, *words.MONTHS], key="invoice month")
    left, right = st.columns([5, 6], gap="large")
    with left:
        found = table(wanted.strip())
    with right:
        if found:
            one_invoice(found)


def table(wanted: str) -> reach.Row | None:
    """The chosen one of those found, else the first."""
    year, month = st.session_state.year, st.session_state["invoice month"]
    rows = fetch.find_invoices(
        wanted,
        None if year == ANY else year,
        None if month == ANY else words.MONTHS.index(month) + 1,
    )
    if not rows:
        st.html('<div class="empty"><b>None found</b>Try fewer letters, or another month.</div>')
        return None
    shown = [
        {
            "Customer": row["name"] or f"User {row['user_id']}",
            "Month": words.month(row["invoice_dt"]),
            "Total": row["total"],
        }
        for row in rows
    ]
    money = st.column_config.NumberColumn(format="dollar")
    chosen = st.dataframe(
        shown,
        hide_index=True,
        height=430,
        on_select="rerun",
        selection_mode="single-row",
        key="found",
        column_config={"Total": money},
    )
    st.caption(
        f"{words.plural(len(rows), 'invoice')}"
        + (", the newest; search for older ones." if len(rows) == 200 else ". Click one to see it.")
    )
    picked = chosen["selection"]["rows"]
    return rows[picked[0]] if picked and picked[0] < len(rows) else rows[0]


def one_invoice(found: reach.Row) -> None:
    month = found["invoice_dt"].astimezone(UTC)
    name = found["name"] or f"User {found['user_id']}"
    invoice = fetch.invoice(found["user_id"], month.year, month.month)
    moment = time_travel(str(found["invoice_id"]))
    if moment:
        invoice = fetch.invoice_as_of(moment, found["user_id"], month.year, month.month)
    if invoice is None:
        st.html(
            '<div class="empty"><b>Not there yet</b>At that moment this invoice did not '
            "exist.</div>"
        )
        return
    st.html(invoice_html(invoice, name, shown=20))
    downloads(invoice, name)


def time_travel(invoice_id: str) -> datetime | None:
    """The moment chosen; None is now."""
    moments = fetch.moments_of(invoice_id)
    if len(moments) < 2:
        return None
    last = moments[-1]
    chosen: datetime = st.select_slider(
        "As of",
        moments,
        last,
        key=f"as of {invoice_id} {len(moments)}",
        format_func=lambda at: "now" if at == last else words.exact(at),
    )
    return None if chosen == last else chosen


def downloads(invoice: reach.Row, name: str) -> None:
    file = f"invoice-{invoice['user_id']}-{invoice['invoice_dt'][:7]}"
    row = st.container(horizontal=True)
    row.download_button(
        "HTML, to print or save as PDF",
        as_page(invoice, name),
        f"{file}.html",
        "text/html",
        icon=":material/print:",
        on_click="ignore",
    )
    row.download_button(
        "CSV",
        as_csv(invoice),
        f"{file}.csv",
        "text/csv",
        icon=":material/table:",
        on_click="ignore",
    )


def revenue() -> None:
    years = fetch.invoiced_years()
    if not years:
        st.html('<div class="empty"><b>No revenue yet</b>Place an order in the Shop.</div>')
        return
    st.segmented_control(
        "Year",
        years[:12],
        default=years[0],
        key="report year",
        label_visibility="collapsed",
        required=True,
    )
    report()


@live(5)
def report() -> None:
    told = fetch.revenue(st.session_state["report year"])
    total, orders, average = st.columns(3)
    total.metric("Revenue", words.money(told["revenue"]), border=True)
    orders.metric("Orders", words.number(told["orders"]), border=True)
    average.metric(
        "Average order",
        words.money(told["revenue"] / told["orders"] if told["orders"] else None),
        border=True,
    )
    months, top = st.columns(2, gap="large")
    with months:
        st.markdown("**Revenue per month**")
        months_chart(told["months"])
    with top:
        st.markdown("**Top customers**")
        top_chart(told["top_customers"])
    st.caption(
        "A second read model made of the same events: `GET /invoice-service/reports/revenue`. The "
        "command services know nothing of it."
    )


page()
