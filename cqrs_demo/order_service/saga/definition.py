"""The saga of an order that needs credit, to be read aloud:

It begins with `order.created` (status pending) and `reservation.requested`, and then it is
reserving. When it is in this state, and that happens, it goes on to the next state, and sends these
events. Whatever is not in the table changes nothing: a saga that has ended stays as it is.

There is no transaction over two databases, so nothing is undone. What was done and is no longer
wanted is made up for by a new fact: `reservation.release_requested`.
"""

from dataclasses import dataclass
from typing import Literal

from cqrs_demo.contract.events import (
    KnownEvent,
    OrderApproved,
    OrderCancelled,
    OrderRejected,
    PaymentRefused,
    PaymentReserved,
    ReleaseRequested,
)

State = Literal["reserving", "approved", "rejected", "cancelled"]

Happening = type[KnownEvent] | Literal["deadline", "cancel"]
"""An answer of payment-service; or that none came in time; or that somebody cancels the order."""


@dataclass(frozen=True, slots=True)
class Step:
    state: State
    sends: tuple[type[KnownEvent], ...]


SAGA: dict[tuple[State, Happening], Step] = {
    ("reserving", PaymentReserved): Step("approved", (OrderApproved,)),
    ("reserving", PaymentRefused): Step("rejected", (OrderRejected,)),
    ("reserving", "deadline"): Step("rejected", (OrderRejected, ReleaseRequested)),
    ("approved", "cancel"): Step("cancelled", (OrderCancelled, ReleaseRequested)),
}

CANCEL_WITHOUT_CREDIT = Step("cancelled", (OrderCancelled,))
"""An order below the threshold has no saga: it reserved nothing, and has nothing to give back."""
