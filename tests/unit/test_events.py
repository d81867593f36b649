"""The contract: what is encoded is decoded again, and whatever else comes is a DecodeError and
nothing worse."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqrs_demo.contract.codec import DecodeError, decode
from cqrs_demo.contract.events import (
    ORDER_SERVICE,
    USER_SERVICE,
    OrderCreated,
    Unknown,
    type_of,
)
from cqrs_demo.contract.json_codec import encode_json

ID = UUID("01952d3c-8f00-7000-8000-000000000001")
TIME = datetime(2025, 4, 3, 10, tzinfo=UTC)

DATA: dict[str, dict[str, Any]] = {
    "user.created": {"id": 1, "name": "Alice", "email": "alice@demo.com"},
    "account.created": {
        "id": 2,
        "user_id": 1,
        "address1": "123 Main St",
        "city": "Cityville",
        "state": "ST",
        "zip": "12345",
    },
    "order.created": {
        "id": 3,
        "user_id": 1,
        "description": "Widget",
        "amount": 50.25,
        "purchase_dt": "2025-04-03T10:00:00Z",
    },
    "order.approved": {
        "id": 3,
        "user_id": 1,
        "description": "Widget",
        "amount": 1000.25,
        "purchase_dt": "2025-04-03T10:00:00Z",
    },
    "order.rejected": {"id": 3, "user_id": 1, "reason": "too late"},
    "order.cancelled": {"id": 3, "user_id": 1, "reason": None},
    "reservation.requested": {"order_id": 3, "user_id": 1, "amount": 1000.25},
    "reservation.release_requested": {"order_id": 3, "user_id": 1},
    "payment.reserved": {"order_id": 3, "user_id": 1, "amount": 1000.25},
    "payment.refused": {"order_id": 3, "user_id": 1, "amount": 1000.25, "reason": "no credit"},
    "payment.released": {"order_id": 3, "user_id": 1, "amount": 1000.25},
    "credit.limited": {"user_id": 1, "limit": 0},
}
TYPES = pytest.mark.parametrize("type_", DATA)


def event(type_: str, **changes: Any) -> dict[str, Any]:
    """An event as JSON values; `changes` are merged in, those of `data` into its data."""
    envelope = {
        "specversion": "1.0",
        "id": str(ID),
        "source": USER_SERVICE,
        "type": type_,
        "subject": "1",
        "time": "2025-04-03T10:00:00Z",
        "datacontenttype": "application/json",
        "sequence": "7",
    }
    return {**envelope, **changes, "data": {**DATA.get(type_, {}), **changes.get("data", {})}}


def decoded(value: Any) -> Any:
    return decode(json.dumps(value).encode())


def reason(body: bytes) -> str:
    with pytest.raises(DecodeError) as refused:
        decode(body)
    return refused.value.reason


@TYPES
def test_what_is_encoded_is_decoded_again(type_: str) -> None:
    body = encode_json(ORDER_SERVICE, 2**62, ID, type_, "3", TIME, json.dumps(DATA[type_]))
    back = decode(body)
    assert not isinstance(back, Unknown)
    assert type_of(type(back)) == type_
    assert (back.id, back.source, back.sequence, back.time, back.subject) == (
        ID,
        ORDER_SERVICE,
        2**62,
        TIME,
        "3",
    )
    [first, *_] = DATA[type_]
    assert getattr(back.data, first) == DATA[type_][first]


def test_an_order_that_says_nothing_of_its_status_is_approved() -> None:
    assert decoded(event("order.created")).data.status == "approved"
    assert decoded(event("order.created", data={"status": "pending"})).data.status == "pending"


def test_what_ties_an_event_to_its_story_travels_with_it_and_is_left_out_where_it_is_unknown() -> (
    None
):
    data = json.dumps(DATA["order.created"])
    body = encode_json(ORDER_SERVICE, 1, ID, "order.created", "3", TIME, data, "1", ID, None)
    back = decode(body)
    assert (back.partitionkey, back.correlationid, back.causationid) == ("1", ID, None)
    assert b"causationid" not in body
    old = decoded(event("order.created"))
    assert (old.partitionkey, old.correlationid, old.causationid) == (None, None, None)


def test_data_is_put_in_as_it_stands_and_amounts_stay_exact() -> None:
    body = encode_json(
        ORDER_SERVICE,
        1,
        ID,
        "order.created",
        "3",
        TIME,
        json.dumps(DATA["order.created"]).replace("50.25", "9999999999.99"),
    )
    assert b'"amount": 9999999999.99' in body
    back = decode(body)
    assert isinstance(back, OrderCreated)
    assert back.data.amount == Decimal("9999999999.99")


@TYPES
def test_fields_nobody_knows_are_ignored(type_: str) -> None:
    assert decoded(
        event(type_, colour="red", tracestate="a=1", data={"colour": {"deep": ["red"]}})
    ) == decoded(event(type_))


def test_a_type_nobody_knows_is_no_error() -> None:
    back = decoded(event("user.renamed", data={"anything": [1, None]}))
    assert isinstance(back, Unknown)
    assert (back.type, back.id) == ("user.renamed", ID)


def test_the_sequence_may_be_absent_nowhere() -> None:
    without = event("user.created")
    del without["sequence"]
    assert reason(json.dumps(without).encode()) == "sequence: Field required"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"id": "\\ud800"}', "not JSON"),
        (b"null", "not a CloudEvent"),
        (b"[]", "not a CloudEvent"),
        (b"1e999", "not a CloudEvent"),
        (b"{}", "not a CloudEvent"),
        (b'{"type": null}', "specversion: Field required"),
        (b'{"type": ["user.created"]}', "specversion: Field required"),
        (b'{"type": "some.thing"}', "specversion: Field required"),
    ],
)
def test_bytes_that_are_no_event_have_a_reason(body: bytes, expected: str) -> None:
    assert reason(body) == expected


WRONG = {
    ("id",): "not-a-uuid",
    ("time",): "yesterday",
    ("sequence",): "minus one",
    ("specversion",): "0.3",
    ("source",): "\0/user-service",
    ("data", "id"): "1",
    ("data", "user_id"): 10**30,
    ("data", "description"): "zero\0byte",
    ("data", "amount"): "fifty",
    ("data", "purchase_dt"): "9999-12-31T23:59:59-05:00",
}


@pytest.mark.parametrize(("path", "value"), WRONG.items(), ids=[".".join(path) for path in WRONG])
def test_a_wrong_value_is_named_by_its_field_and_not_shown(
    path: tuple[str, ...], value: Any
) -> None:
    changes = {path[0]: value} if len(path) == 1 else {"data": {path[1]: value}}
    said = reason(json.dumps(event("order.created", **changes)).encode())
    assert said.startswith(".".join(path) + ": ")
    assert str(value) not in said


@given(st.text(min_size=1))
def test_one_mistake_has_one_reason_whatever_the_value(text: str) -> None:
    # Reasons are what an operator groups by: "38 × id: Input should be a valid UUID".
    body = event("order.created", id="x" + text)
    try:
        said = reason(json.dumps(body, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        return
    assert said == "id: Input should be a valid UUID"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A valid event with one of its attributes or data fields replaced or removed, or one more
    added."""
    body = event(draw(st.sampled_from([*DATA, "some.thing"])))
    target = body["data"] if draw(st.booleans()) and body["data"] else body
    key = draw(st.sampled_from(sorted(target)) | st.text(max_size=8))
    if draw(st.booleans()):
        target[key] = draw(values)
    else:
        target.pop(key, None)
    return body


def refused(body: bytes) -> DecodeError | None:
    try:
        decode(body)
    except DecodeError as error:
        return error
    return None


def assert_decodes_or_says_why(body: bytes) -> None:
    error = refused(body)
    if error is not None:
        assert error.reason
        assert "\n" not in error.reason
        assert str(error).startswith(error.reason)


@given(st.binary())
def test_any_bytes_decode_or_say_why_not(body: bytes) -> None:
    assert_decodes_or_says_why(body)


@given(values)
def test_any_json_decodes_or_says_why_not(value: Any) -> None:
    assert_decodes_or_says_why(json.dumps(value).encode())


@given(mutated())
def test_any_mutation_of_an_event_decodes_or_says_why_not(value: Any) -> None:
    assert_decodes_or_says_why(json.dumps(value).encode())


@given(mutated(), st.integers(0, 400), st.integers(0, 255))
def test_any_flipped_byte_of_an_event_decodes_or_says_why_not(
    value: Any, position: int, byte: int
) -> None:
    body = bytearray(json.dumps(value).encode())
    body[position % len(body)] = byte
    assert_decodes_or_says_why(bytes(body))


@TYPES
@settings(deadline=None)
@given(marker=st.text(st.sampled_from("QXZ§¶"), min_size=6, max_size=12))
def test_no_reason_contains_a_value_of_the_message(type_: str, marker: str) -> None:
    whole = event(type_)
    for path in [(name,) for name in whole if name not in ("type", "data")] + [
        ("data", name) for name in whole["data"]
    ]:
        for value in (marker, [marker], {marker: marker}, None, 1.5):
            changes = {path[0]: value} if len(path) == 1 else {"data": {path[1]: value}}
            error = refused(json.dumps(event(type_, **changes)).encode())
            assert error is None or marker not in error.reason
