"""The events services speak in: CloudEvents 1.0, structured JSON.

Whoever publishes or consumes needs this module and nothing else of the package, and it imports
nothing else of it. A consumer ignores fields it does not know (a producer may add one), and a type
it does not know is no error (see Unknown). Next: outbox/relay.py, which sends these, and
invoice_service/projections/, which apply them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal, get_args
from uuid import UUID

import orjson
from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError, WithJsonSchema

CONTENT_TYPE = "application/cloudevents+json"

USER_SERVICE = "/user-service"
ORDER_SERVICE = "/order-service"
PAYMENT_SERVICE = "/payment-service"


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


PlacedAs = Literal["approved", "pending"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedOrder(Order):
    """A pending order needs credit first. (Events from before there were any say nothing of it.)"""

    status: PlacedAs = "approved"


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
class Refusal(Reservation):
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditLimit:
    user_id: Id
    limit: Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class _Envelope:
    """The CloudEvents attributes, and extensions. `sequence` is a string on the wire: the position
    in the producer's log. `partitionkey` is the user's id; `correlationid` names the event that
    began it all, `causationid` the one that led to this one. (The last three are younger than the
    first events.)"""

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
    data: Refusal


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

_known: TypeAdapter[KnownEvent] = TypeAdapter(Annotated[KnownEvent, Field(discriminator="type")])
_unknown = TypeAdapter(Unknown)
_types = frozenset(
    name for known in get_args(KnownEvent) for name in get_args(known.__annotations__["type"])
)


class DecodeError(ValueError):
    """Bytes that are no event of this language.

    `reason` is one line without the message's values, fit to group by; `str()` adds the detail.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}\n{detail}")
        self.reason = reason


def decode(body: bytes) -> Event:
    """The event in `body`. Raises DecodeError, and nothing else, for anything that is not one."""
    try:
        return _known.validate_json(body)
    except ValidationError as error:
        if error.errors()[0]["type"] != "union_tag_invalid":
            raise _decode_error(error) from error
    try:
        return _unknown.validate_json(body)
    except ValidationError as error:
        raise _decode_error(error) from error


def _decode_error(error: ValidationError) -> DecodeError:
    first = error.errors(include_url=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return DecodeError("not JSON", str(error))
    if not first["loc"]:  # it is about the whole: no object, or one without a type
        return DecodeError("not a CloudEvent", str(error))
    # The first part of a location is the type, by which the model was chosen.
    where = ".".join(map(str, first["loc"][1:] if first["loc"][0] in _types else first["loc"]))
    # What follows a comma quotes the value: "Input should be a valid UUID, invalid character: …
    # found `z` at 1".
    what = first["msg"].removeprefix("Value error, ").partition(",")[0]
    return DecodeError(f"{where}: {what}", str(error))


def encode(
    source: str,
    sequence: int,
    id: UUID,
    type: str,
    subject: str,
    time: datetime,
    data: str,
    partitionkey: str | None = None,
    correlationid: UUID | None = None,
    causationid: UUID | None = None,
) -> bytes:
    """The event as it goes over any transport. `data` is JSON text, put in as it stands: no number
    is parsed and rounded on the way. An extension that is not known is left out."""
    extensions = {
        "partitionkey": partitionkey,
        "correlationid": correlationid,
        "causationid": causationid,
    }
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": id,
            "source": source,
            "type": type,
            "subject": subject,
            "time": time,
            "datacontenttype": "application/json",
            "sequence": str(sequence),
            **{name: value for name, value in extensions.items() if value is not None},
            "data": orjson.Fragment(data),
        },
        option=orjson.OPT_UTC_Z,
    )
