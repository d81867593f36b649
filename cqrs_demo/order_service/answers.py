"""An order as it is shown: what was ordered, and what has become of it."""

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from cqrs_demo.contract.events import Id, Instant, Money, Text

Status = Literal["pending", "approved", "rejected", "cancelled"]

ORDER = ("id", "user_id", "description", "amount", "purchase_dt", "status")


class Order(BaseModel):
    """`reason`: why it was rejected or cancelled, where somebody said so."""

    id: Id
    user_id: Id
    description: Text
    amount: Money
    purchase_dt: Instant
    status: Status
    reason: Text | None = None


class Happened(BaseModel):
    """`event`: an event's type; or "place", "cancel" or "deadline", and then `event_id` is null.
    `state`: the saga's, after it. `sent`: the types of the events that followed."""

    at: AwareDatetime
    event: str
    event_id: UUID | None
    state: str
    sent: list[str]


class SagaOfOrder(BaseModel):
    state: Literal["reserving", "approved", "rejected", "cancelled"]
    deadline: AwareDatetime
    history: list[Happened]


class OrderWithSaga(Order):
    """`saga`: only of an order that needs credit."""

    saga: SagaOfOrder | None = None


def order_with_reason(row: dict[str, Any]) -> dict[str, Any]:
    reason = {} if row["reason"] is None else {"reason": row["reason"]}
    return {**{name: row[name] for name in ORDER}, **reason}
