"""Stores: a look into every table and queue, with the SQL that looks."""

from datetime import datetime

import streamlit as st

import words
from frame import live
from kept import one_of, recall, remember
from system import reach
from system.stores import STORES, contents, statement


def page() -> None:
    broker = reach.broker_name()
    names = [name for name in STORES if broker == "PGMQ" or not STORES[name].queue]
    recall(store=one_of(*names))
    st.segmented_control(
        "Store",
        names,
        default=first(names),
        key="store",
        label_visibility="collapsed",
        required=True,
    )
    remember(store=st.session_state.store)
    if broker != "PGMQ":
        st.caption(
            f"{broker}'s queues are not opened: a look would count as a delivery. Their depths are "
            "in the picture of the flow."
        )
    rows()


def first(names: list[str]) -> str | None:
    """What is shown until one is chosen."""
    return None if "store" in st.session_state else names[0]


@live(2)
def rows() -> None:
    store = STORES[st.session_state.store]
    found = contents(store)
    newest = f" Newest {words.plural(len(found), 'row')}." if found else ""
    st.markdown(f"**{store.database}** · {store.says}{newest}")
    st.code(statement(store), language="sql")
    if found:
        st.dataframe([in_zone(row) for row in found], hide_index=True, height=400)
    else:
        st.html('<div class="empty"><b>Empty</b>No row at this moment.</div>')


def in_zone(row: reach.Row) -> reach.Row:
    return {
        name: words.exact(value) if isinstance(value, datetime) else value
        for name, value in row.items()
    }


page()
