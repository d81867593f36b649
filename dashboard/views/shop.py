"""Shop: send commands on the left, watch the invoice change on the right.

A form's command goes over HTTP in its button's callback; the page is drawn afterwards, with what
came of it.
"""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import streamlit as st

import fetch
import reach
import words
from cqrs_demo.client.answer import Answer
from frame import attempt, complaint, live
from journey import begin, draw_journey
from made_up import an_order, someone
from new_lines import fresh_lines
from receipt import invoice_html

MANY = 50


def page() -> None:
    users = {user["id"]: user for user in fetch.newest_users()}
    left, right = st.columns([5, 6], gap="large")
    with left:
        side("Command side", "user-service and order-service write, and publish what happened.")
        if users:
            choose_customer(users)
            forms(users)
            journey()
        else:
            welcome()
    with right:
        side(
            "Query side", "invoice-service never sees these forms: it makes invoices of the events."
        )
        if users:
            st.session_state.setdefault("month", this_month())
            invoice()
        else:
            st.html(
                '<div class="empty"><b>Here the invoice will be</b>A line appears by itself, '
                "milliseconds after the order.</div>"
            )


def side(name: str, what: str) -> None:
    st.html(f'<div class="side"><b>{name}</b> {what}</div>')


def welcome() -> None:
    st.subheader("The shop is empty")
    st.markdown(
        "Make a customer, place an order for them, and watch how it gets onto their invoice."
    )
    st.button("Random customer", type="primary", icon=":material/casino:", on_click=make_someone)
    complaint("customer")
    with st.expander("or type one in"):
        customer_form()


def choose_customer(users: dict[int, reach.Row]) -> None:
    if st.session_state.get("customer") not in users:
        st.session_state.customer = next(iter(users))
    pick, chance = st.columns([3, 2], vertical_alignment="bottom")
    with pick:
        st.selectbox(
            "Customer",
            list(users),
            key="customer",
            format_func=lambda id: f"{users[id]['name']} · {id}",
            on_change=forget_journey,
        )
    with chance:
        st.button(
            "Random customer", icon=":material/casino:", on_click=make_someone, width="stretch"
        )


def forms(users: dict[int, reach.Row]) -> None:
    order, customer, address = st.tabs(["Order", "New customer", "Address"])
    with order:
        order_form()
    with customer:
        customer_form()
    with address:
        address_form(users[st.session_state.customer])
    complaint("customer")


# Forms


def order_form() -> None:
    with st.form("order", border=False):
        st.text_input("What", "Coffee beans, 1 kg", key="order what", max_chars=2_000)
        complaint("order", "description")
        amount, day = st.columns(2)
        with amount:
            st.number_input("Amount", value=24.90, step=1.0, format="%.2f", key="order amount")
            complaint("order", "amount")
        with day:
            st.date_input("Bought on", today(), key="order day")
            complaint("order", "purchase_dt")
        one, many = st.columns(2)
        one.form_submit_button(
            "Place order",
            type="primary",
            icon=":material/shopping_cart:",
            on_click=place_order,
            width="stretch",
        )
        many.form_submit_button(
            f"Place {MANY} orders",
            icon=":material/shopping_cart_checkout:",
            on_click=place_many,
            width="stretch",
        )
    complaint("order")


def customer_form() -> None:
    with st.form("customer form", border=False):
        st.text_input("Name", key="customer name", placeholder="Alice Archer")
        complaint("customer", "name")
        st.text_input("Email", key="customer email", placeholder="alice@demo.com")
        complaint("customer", "email")
        st.form_submit_button(
            "Create customer",
            type="primary",
            icon=":material/person_add:",
            on_click=make_typed_customer,
        )


def address_form(user: reach.Row) -> None:
    known = fetch.address_of(user["id"]) or {"address1": "", "city": "", "state": "", "zip": ""}
    st.caption(
        f"Where {words.plain(user['name'])} wants the goods. A new address becomes the one on "
        "their invoices."
    )
    with st.form("address form", border=False):
        st.text_input("Street", known["address1"], key=f"address1 {user['id']}")
        complaint("address", "address1")
        city, state, code = st.columns([3, 2, 2])
        for column, field, label in (
            (city, "city", "City"),
            (state, "state", "State"),
            (code, "zip", "Zip"),
        ):
            with column:
                st.text_input(label, known[field], key=f"{field} {user['id']}")
                complaint("address", field)
        st.form_submit_button(
            "Save address", type="primary", icon=":material/home:", on_click=save_address
        )
    complaint("address")


# Commands


def make_someone() -> None:
    person, address = someone()
    answer = attempt("customer", lambda: fetch.create_user(person["name"], person["email"]))
    if answer:
        attempt("customer", lambda: fetch.create_account(answer.body["id"], address))
        greet(answer)


def make_typed_customer() -> None:
    state = st.session_state
    answer = attempt(
        "customer", lambda: fetch.create_user(state["customer name"], state["customer email"])
    )
    if answer:
        state["customer name"] = state["customer email"] = ""
        greet(answer)


def greet(answer: Answer) -> None:
    fetch.newest_users.clear()
    st.session_state.customer = answer.body["id"]
    begin("user-service", answer, f"Customer {answer.body['name']}")


def save_address() -> None:
    state, user = st.session_state, st.session_state.customer
    address = {field: state[f"{field} {user}"] for field in ("address1", "city", "state", "zip")}
    if answer := attempt("address", lambda: fetch.create_account(user, address)):
        fetch.address_of.clear()
        begin("user-service", answer, "New address")


def place_order() -> None:
    state = st.session_state
    amount = Decimal(f"{state['order amount'] or 0:.2f}")
    if answer := attempt(
        "order",
        lambda: fetch.place_order(
            state.customer, state["order what"], amount, bought(state["order day"])
        ),
    ):
        show_month_of(answer)
        begin("order-service", answer, f"Order {answer.body['id']}")


def place_many() -> None:
    orders = [an_order() for _ in range(MANY)]
    day = bought(st.session_state["order day"])
    if answer := attempt(
        "order", lambda: fetch.place_orders(st.session_state.customer, orders, day)
    ):
        show_month_of(answer)
        begin("order-service", answer, f"The last of {MANY} orders")


def bought(day: date) -> datetime | None:
    """Today means now, by the service's clock; another day, noon where the viewer is."""
    return None if day == today() else datetime.combine(day, time(12), words.zone())


def today() -> date:
    return datetime.now(words.zone()).date()


def this_month() -> tuple[int, int]:
    now = datetime.now(UTC)
    return now.year, now.month


def show_month_of(answer: Answer) -> None:
    at = words.instant(answer.body["purchase_dt"]).astimezone(UTC)
    st.session_state.month = (at.year, at.month)
    fetch.wait_for(answer, at.year, at.month)


def forget_journey() -> None:
    st.session_state.pop("journey", None)
    st.session_state.month = this_month()


# The live half


@live(1)
def invoice() -> None:
    user = st.session_state.customer
    choose_month(user)
    year, month = st.session_state.month
    found = fetch.invoice(user, year, month)
    fresh = fresh_lines((user, year, month), found)
    if found is None:
        nothing = (
            f"<b>No invoice in {words.MONTHS[month - 1]} {year} yet</b>Place an order: its "
            "line appears here by itself."
        )
        st.html(f'<div class="empty">{nothing}</div>')
    else:
        name = next(
            (row["name"] for row in fetch.newest_users() if row["id"] == user), f"User {user}"
        )
        st.html(invoice_html(found, name, fresh))


@live(2)
def journey() -> None:
    draw_journey()


def choose_month(user: int) -> None:
    months = {
        (at.astimezone(UTC).year, at.astimezone(UTC).month) for at in fetch.months_of(user)
    } | {st.session_state.month}
    if len(months) > 1:
        newest_first = sorted(months, reverse=True)
        st.selectbox(
            "Month",
            newest_first,
            key="month",
            format_func=lambda m: f"{words.MONTHS[m[1] - 1]} {m[0]}",
            label_visibility="collapsed",
        )


page()
