"""The forms that make a customer and give them an address, and what their buttons do."""

from functools import partial

import streamlit as st

import words
from cqrs_demo.client.answer import Answer
from frame import attempt, complaint
from made_up import someone
from shop.customers import newest_month
from shop.drawn_form import key_of, number_of, send, submit_button, tell_replayed
from shop.journey import begin
from system import fetch
from system.reach import Row, client

ADDRESS = ("address1", "city", "state", "zip")


def random_customer(*, primary: bool = False) -> None:
    key = key_of("customer")
    st.button(
        "Random customer",
        type="primary" if primary else "secondary",
        icon=":material/casino:",
        key=f"random {key}",
        on_click=make_someone,
        args=(key,),
        width="stretch",
    )


def customer_form() -> None:
    with st.form("customer form", border=False):
        st.text_input("Name", key="customer name", placeholder="Alice Archer")
        complaint("customer", "name")
        st.text_input("Email", key="customer email", placeholder="alice@demo.com")
        complaint("customer", "email")
        submit_button(
            "customer", "Create customer", make_typed_customer, icon="person_add", type="primary"
        )


def told_of_customer() -> None:
    complaint("customer")
    tell_replayed("customer")


def address_form(user: Row) -> None:
    known = fetch.address_of(user["id"]) or dict.fromkeys(ADDRESS, "")
    st.caption(
        f"Where {words.plain(user['name'])} wants the goods. A new address becomes the one on "
        "their invoices."
    )
    with st.form("address form", border=False):
        st.text_input("Street", known["address1"], key=f"address1 {user['id']}")
        complaint("address", "address1")
        places = (("city", "City"), ("state", "State"), ("zip", "Zip"))
        for column, (field, label) in zip(st.columns([3, 2, 2]), places, strict=True):
            with column:
                st.text_input(label, known[field], key=f"{field} {user['id']}")
                complaint("address", field)
        does = partial(save_address, user["id"])
        submit_button("address", "Save address", does, icon="home", type="primary")
    complaint("address")
    tell_replayed("address")


def buyer() -> int:
    """Whom a command is for. A click on Random customer may come together with the one after it,
    and in any order: it goes first."""
    key = key_of("customer")
    if st.session_state.get(f"random {key}"):
        make_someone(key)
    chosen: int = st.session_state.customer
    return chosen


def make_someone(key: str) -> None:
    """Once for each time the button was drawn."""
    if key != key_of("customer"):
        return
    person, address = someone(number_of(key))
    answer = create(key, person["name"], person["email"])
    if answer:
        home = {"user_id": answer.body["id"], **address, "idempotency_key": f"{key}/address"}
        attempt("customer", lambda: client().create_account(**home).checked())
        greet(answer)


def make_typed_customer(key: str) -> None:
    state = st.session_state
    if answer := create(key, state["customer name"], state["customer email"]):
        state["customer name"] = state["customer email"] = ""
        greet(answer)


def create(key: str, name: str, email: str) -> Answer | None:
    return send(
        "customer",
        key,
        (name, email),
        lambda key: client().create_user(name, email, idempotency_key=key),
    )


def greet(answer: Answer) -> None:
    fetch.newest_users.clear()
    st.session_state.customer = answer.body["id"]
    st.session_state.month = newest_month(answer.body["id"])
    begin("user-service", answer, f"Customer {answer.body['name']}")


def save_address(user: int, key: str) -> None:
    address = {field: st.session_state[f"{field} {user}"] for field in ADDRESS}
    answer = send(
        "address",
        key,
        (user, address),
        lambda key: client().create_account(user, **address, idempotency_key=key),
    )
    if answer:
        fetch.address_of.clear()
        begin("user-service", answer, "New address")
