"""Invoices: find one, print it, see what it was at any earlier moment; and what all of them add up
to. Next: invoices/found.py, invoices/one_invoice.py.
"""

import streamlit as st

import words
from cqrs_demo.client.errors import NoAnswer
from frame import live
from invoices.found import choices, found_list, remember_choices, search_fields
from invoices.one_invoice import one_invoice
from invoices.revenue_charts import months_chart, top_chart
from kept import one_of, recall, remember
from system import fetch

TABS = ("Invoices", "Revenue")


def page() -> None:
    years = known_years()
    if not years:
        until_there_is_one()
        return
    recall(invoices_tab=one_of(*TABS))
    one, all_of_them = st.tabs(list(TABS), on_change="rerun", key="invoices_tab")
    remember(invoices_tab="Revenue" if all_of_them.open else None)
    if one.open:
        with one:
            find(years)
    if all_of_them.open:
        with all_of_them:
            revenue(years)


def known_years() -> list[int]:
    try:
        return fetch.invoiced_years()
    except NoAnswer:
        return []


@live(2)
def until_there_is_one() -> None:
    if fetch.invoiced_years():
        st.rerun()
    st.html(
        '<div class="empty"><b>No invoice yet</b>Place an order in the Shop: its invoice will be '
        "here.</div>"
    )


def find(years: list[int]) -> None:
    recall(**choices(years))
    search_fields(years)
    left, right = st.columns([5, 6], gap="large")
    with left:
        found_list()
    with right:
        one_invoice()
    remember_choices()


def revenue(years: list[int]) -> None:
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
