"""The events services speak in: the types, and the data that each carries.

Whoever publishes or consumes needs this folder and nothing else of the package, and it imports
nothing else of it. A consumer ignores fields it does not know (a producer may add one), and a type
it does not know is no error (see Unknown). What is written here is the newest version of each type;
the released ones are files (schemas.py). Next: codec.py, bytes to events and back.
"""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from pydantic import AwareDatetime, Field, WithJsonSchema

USER_SERVICE = "/user-service"
ORDER_SERVICE = "/order-service"
PAYMENT_SERVICE = "/payment-service"

PUBLISHED_BY = {
    USER_SERVICE: ("user", "account"),
    ORDER_SERVICE: ("order", "reservation"),
    PAYMENT_SERVICE: ("payment", "credit"),
}
"""The topics of each service's events: an event's type begins with its topic."""


# Checked by pydantic's compiled core alone: a Python function per field would cost a quarter of
# decoding an event.
Id = Annotated[
    int, Field(strict=True, ge=1, lt=2**63)
]  # OpenAPI writes limits as floats, and 2**63 is one exactly
Instant = Annotated[
    AwareDatetime, Field(ge=datetime.min.replace(tzinfo=UTC), le=datetime.max.replace(tzinfo=UTC))
]
"""With an offset from UTC, any; and in UTC, too, in a year from 1 to 9999."""
Money = Annotated[
    Decimal,
    Field(gt=0, max_digits=12, decimal_places=2),
    WithJsonSchema(
        {"type": "number", "minimum": 0.01, "maximum": 9_999_999_999.99, "multipleOf": 0.01}
    ),
]
Limit = Annotated[
    Decimal,
    Field(ge=0, max_digits=12, decimal_places=2),
    WithJsonSchema(
        {"type": "number", "minimum": 0, "maximum": 9_999_999_999.99, "multipleOf": 0.01}
    ),
]
"""How much credit somebody has: an amount of money, or none at all."""
Text = Annotated[str, Field(pattern=r"^[^\u0000]*$")]  # PostgreSQL's text has no NUL


@dataclass(frozen=True, slots=True)
class Later:
    """Marks a field that a type got later. Readers by Avro's rules take `default` where an older
    version lacks it, and the value of a field of another name among `aliases`. Our own events are
    lifted instead (upcasters.py), so here the field is required."""

    default: Any
    aliases: tuple[str, ...] = ()


# Dataclasses with slots take a quarter of the memory that pydantic's models do, and replay has
# twenty thousand events in hand.


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    id: Id
    name: Text
    email: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    id: Id
    user_id: Id
    address1: Text
    city: Text
    state: Text
    zip: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    id: Id
    user_id: Id
    description: Text
    amount: Money
    purchase_dt: Instant


PlacedAs = Annotated[Literal["approved", "pending"], Later("approved")]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedOrder(Order):
    """A pending order needs credit first. (Version 1 said nothing of it: there were none.)"""

    status: PlacedAs


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedOrder:
    """An order that was rejected or cancelled, and why, if anybody said so."""

    id: Id
    user_id: Id
    reason: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReference:
    order_id: Id
    user_id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation(OrderReference):
    """Credit that an order needs: asked for, set aside, or given back."""

    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedReservation(Reservation):
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditLimit:
    user_id: Id
    limit: Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class _Envelope:
    """The CloudEvents attributes, and extensions. `sequence` is a string on the wire: the position
    in the producer's log. `partitionkey` is the user's id; `correlationid` names the event that
    began it all, `causationid` the one that led to this one. `dataschema` says which version the
    data are, `traceparent` (W3C) which request it all belongs to. (The last five are younger than
    the first events.)"""

    specversion: Literal["1.0"]
    id: UUID
    source: Annotated[Text, Field(min_length=1)]
    type: str
    subject: Text | None = None
    time: Instant
    sequence: Annotated[int, Field(ge=0, le=2**63 - 1)]
    partitionkey: Text | None = None
    correlationid: UUID | None = None
    causationid: UUID | None = None
    dataschema: Text | None = None
    traceparent: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCreated(_Envelope):
    type: Literal["user.created"]
    data: User


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCreated(_Envelope):
    type: Literal["account.created"]
    data: Account


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCreated(_Envelope):
    type: Literal["order.created"]
    data: PlacedOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderApproved(_Envelope):
    type: Literal["order.approved"]
    data: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRejected(_Envelope):
    type: Literal["order.rejected"]
    data: EndedOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCancelled(_Envelope):
    type: Literal["order.cancelled"]
    data: EndedOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationRequested(_Envelope):
    type: Literal["reservation.requested"]
    data: Reservation


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRequested(_Envelope):
    type: Literal["reservation.release_requested"]
    data: OrderReference


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReserved(_Envelope):
    type: Literal["payment.reserved"]
    data: Reservation


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRefused(_Envelope):
    type: Literal["payment.refused"]
    data: RefusedReservation


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReleased(_Envelope):
    type: Literal["payment.released"]
    data: Reservation


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditLimited(_Envelope):
    type: Literal["credit.limited"]
    data: CreditLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(_Envelope):
    """An event of a type this version does not know: acknowledged and counted, never an error."""


KnownEvent = (
    UserCreated
    | AccountCreated
    | OrderCreated
    | OrderApproved
    | OrderRejected
    | OrderCancelled
    | ReservationRequested
    | ReleaseRequested
    | PaymentReserved
    | PaymentRefused
    | PaymentReleased
    | CreditLimited
)
Event = KnownEvent | Unknown


def type_of(event: type[KnownEvent]) -> str:
    """Such as "order.created"."""
    [name] = get_args(next(field.type for field in fields(event) if field.name == "type"))
    return str(name)


def data_of(event: type[KnownEvent]) -> type[Any]:
    """The dataclass of what such an event carries."""
    kind: Any = next(field.type for field in fields(event) if field.name == "data")
    return kind  # type: ignore[no-any-return]


KINDS: dict[str, type[KnownEvent]] = {type_of(kind): kind for kind in get_args(KnownEvent)}
"""Every type of event there is, by its name."""
