"""The SQL of each hop, out of the very modules that run it: what is shown here is what ran."""

from collections.abc import Sequence

from cqrs_demo.inbox import attempts, inbox
from cqrs_demo.invoice_service.projections import invoices, read_model, revenue
from cqrs_demo.order_service import commands as orders
from cqrs_demo.outbox import relay
from cqrs_demo.user_service import commands as users

Shown = tuple[str, str]

COMMANDS = {
    "user.created": users.CREATE_USERS,
    "account.created": users.CREATE_ACCOUNTS,
    "order.created": orders.PLACE_ORDERS,
}
PROJECTIONS: dict[str, Sequence[Shown]] = {
    "user.created": [
        ("Learn the name and the email", invoices.LEARN_USERS),
        ("Copy them to invoices that wait for them", invoices.COPY_TO_INVOICES),
    ],
    "account.created": [
        ("Learn the address", invoices.LEARN_ADDRESSES),
        ("Copy it to the invoices", invoices.COPY_TO_INVOICES),
    ],
    "order.created": [
        ("Add the line, and its amount to the total", invoices.ADD_LINES),
        ("Count the revenue", revenue.COUNT),
    ],
}
RELAY = [
    ("Take the oldest rows", relay.FETCH),
    ("Forget them, once the broker has confirmed", relay.FORGET),
]


def command(type: str) -> Shown:
    return "One statement, one transaction", COMMANDS.get(type, "-- not of this shop")


def projection(type: str) -> Sequence[Shown]:
    """One transaction, in this order."""
    return [
        ("Claim the event's id: one that is there already counts no more", inbox.CLAIM),
        ("Make and lock the rows of the customers concerned", read_model.MAKE_ACCOUNTS),
        ("", read_model.LOCK_ACCOUNTS),
        ("Note the attempt, in case it ends the process", attempts.NOTE),
        *PROJECTIONS.get(type, ()),
    ]
