"""What an empty shop shows: what this is, in one sentence and one picture, and what to do."""

import streamlit as st

from frame import live
from shop.customer_forms import customer_form, random_customer, told_of_customer
from system import fetch
from system.reach import command

PICTURE = """
<div class="idea" role="img" aria-label="A click becomes a row and an event; the event becomes a
line of an invoice.">
<div><b>You click</b><span>Place order</span></div>
<i></i>
<div><b>Command side</b><span>order-service stores the order and its event, together</span></div>
<i>event</i>
<div><b>Broker</b><span>keeps it until it has been taken</span></div>
<i>event</i>
<div><b>Query side</b><span>invoice-service makes a line of it</span></div>
<i></i>
<div><b>You see</b><span>the invoice change</span></div>
</div>
"""


@live(2)
def until_somebody_comes() -> None:
    """`demo-data` fills the shop while this page stands open."""
    if fetch.newest_users():
        st.rerun()


def welcome() -> None:
    until_somebody_comes()
    st.subheader("The shop is empty")
    st.markdown(
        "This is a shop in two halves: one takes orders and publishes what happened, the other "
        "makes invoices of these events and of nothing else."
    )
    st.html(PICTURE)
    make, fill = st.columns(2, gap="large")
    with make:
        st.markdown("**Begin with one customer**, then place an order for them:")
        random_customer(primary=True)
        told_of_customer()
        with st.expander("or type one in"):
            customer_form()
    with fill:
        st.markdown("**Or fill the shop** with half a year of business:")
        st.code(command("demo-data"), language=None, wrap_lines=True)
