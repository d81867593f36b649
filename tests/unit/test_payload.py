"""An event's payload is written down once, in its contract; SQL is made of that."""

from dataclasses import dataclass, fields
from typing import Literal, get_args

import pytest

from cqrs_demo.contract.events import Id, Instant, KnownEvent, Money, OrderCreated, Text, type_of
from cqrs_demo.contract.events import _Envelope as Envelope
from cqrs_demo.outbox.payload import SQL_TYPES, columns, payload

KNOWN = get_args(KnownEvent)


@pytest.mark.parametrize("event", KNOWN)
def test_every_field_of_the_contract_is_in_the_payload_and_in_the_audit(
    event: type[KnownEvent],
) -> None:
    data = next(field.type for field in fields(event) if field.name == "data")
    names = [field.name for field in fields(data)]  # type: ignore[arg-type]  # a dataclass
    assert list(columns(event)) == names
    assert all(f"'{name}', " in payload(event) for name in names)


def test_an_instant_is_written_as_the_contract_says_and_anything_else_as_it_is() -> None:
    assert payload(OrderCreated) == (
        "jsonb_build_object('id', id, 'user_id', user_id, 'description', description, "
        "'amount', amount, 'purchase_dt', demo.rfc3339(purchase_dt), 'status', status)"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    id: Id
    amount: Money
    reason: Text
    refunded_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundMade(Envelope):
    type: Literal["refund.made"]
    data: Refund


def test_a_new_type_of_event_needs_its_contract_and_nothing_else_here() -> None:
    assert type_of(RefundMade) == "refund.made"  # type: ignore[arg-type]  # not among the known
    assert columns(RefundMade) == {  # type: ignore[arg-type]
        "id": SQL_TYPES[Id],
        "amount": SQL_TYPES[Money],
        "reason": SQL_TYPES[Text],
        "refunded_at": SQL_TYPES[Instant],
    }
