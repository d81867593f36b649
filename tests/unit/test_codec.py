"""Both codecs, and the versions in them: what is written is read, by us and by others; what cannot
be read says why."""

import json
from base64 import b64decode
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import UUID

import avro.io
import avro.schema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrs_demo.contract.codec import (
    CONTENT_TYPE,
    DecodeError,
    Encoded,
    decode,
    encode,
    kept,
)
from cqrs_demo.contract.events import KINDS, OrderCreated, Unknown
from cqrs_demo.contract.format import EventFormat
from cqrs_demo.contract.golden import sample
from cqrs_demo.contract.schemas import newest, released

ID = UUID("01952d3c-8f00-7000-8000-000000000001")
TIME = datetime(2025, 4, 3, 10, 0, 0, 5, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ORDER = '{"id": 3, "user_id": 1, "description": "Widget", "amount": 50.25, %s}'
V1 = ORDER % '"purchase_dt": "2025-04-03T10:00:00Z"'
V2 = ORDER % '"purchase_dt": "2025-04-03T10:00:00Z", "status": "pending"'

FORMATS = pytest.mark.parametrize("format", ["json", "avro"])
TYPES = pytest.mark.parametrize("type_", KINDS)


def message(format: EventFormat, type_: str, data: str, dataschema: str | None) -> Encoded:
    return encode(
        format,
        "/order-service",
        sequence=7,
        id=ID,
        type=type_,
        subject="3",
        time=TIME,
        data=data,
        partitionkey="1",
        correlationid=ID,
        dataschema=dataschema,
        traceparent=TRACE,
    )


def read(told: Encoded) -> Any:
    return decode(told.body, told.content_type, told.headers)


def why_not(told: Encoded) -> str:
    with pytest.raises(DecodeError) as refused:
        read(told)
    return refused.value.reason


def order(format: EventFormat = "avro", data: str = V2, version: int = 2) -> Encoded:
    return message(format, "order.created", data, f"cqrs-demo:order.created/{version}")


@TYPES
def test_both_codecs_carry_the_same_event(type_: str) -> None:
    # Given an event whose values no float, no ASCII and no second can hold
    data, uri = sample(newest(type_)), newest(type_).uri
    # When each codec writes it
    texts, binary = message("json", type_, data, uri), message("avro", type_, data, uri)
    # Then each is read as the same, with all that belongs to it
    assert (texts.content_type, binary.content_type) == (CONTENT_TYPE, "avro/binary")
    assert read(texts) == read(binary)
    assert type(read(texts)) is KINDS[type_]
    assert (read(binary).dataschema, read(binary).traceparent) == (uri, TRACE)
    assert len(binary.body) < len(texts.body) / 2


@TYPES
def test_a_foreign_reader_of_avro_reads_the_body_with_the_schemas_file(type_: str) -> None:
    # Given a body, and Apache's own library with the file of its schema
    schema = newest(type_)
    body = message("avro", type_, sample(schema), schema.uri).body
    assert body[:2] == b"\xc3\x01"
    # When it reads what comes after marker and fingerprint
    reader = avro.io.DatumReader(avro.schema.parse(schema.file.read_text()))
    read = reader.read(avro.io.BinaryDecoder(BytesIO(body[10:])))
    # Then it finds every field
    assert isinstance(read, dict)
    assert list(read) == [field["name"] for field in schema.fields()]
    if "amount" in read:
        assert read["amount"] == Decimal("9999999999.99")


@FORMATS
def test_an_event_of_version_1_is_lifted_to_the_newest(format: EventFormat) -> None:
    # Given an order from before there were pending ones
    event = read(order(format, V1, version=1))
    # Then it is approved, and of the newest version, wherever it is read
    assert event == replace(
        read(order(format)),
        data=replace(read(order(format)).data, status="approved"),
    )


def test_an_event_that_does_not_tell_its_version_is_of_the_oldest_and_keeps_what_it_says() -> None:
    # Given orders as they were written before versions were told
    assert read(message("json", "order.created", V1, None)).data.status == "approved"
    assert read(message("json", "order.created", V2, None)).data.status == "pending"


def test_an_event_of_the_newest_version_must_say_what_that_version_says() -> None:
    assert why_not(order("json", V1, version=2)) == "data.status: Field required"


def test_a_newer_version_is_read_as_far_as_it_is_understood() -> None:
    # Given an order of a version that this reader has never seen, with one more field
    told = order("json", V2.replace("}", ', "gift": true}'), version=9)
    # Then it is read without it
    assert read(told) == replace(read(order("json")), dataschema="cqrs-demo:order.created/9")


@FORMATS
def test_a_type_nobody_knows_is_no_error_in_either_codec(format: EventFormat) -> None:
    told = order(format)
    renamed = Encoded(
        told.body.replace(b"order.created", b"order.shipped"),
        told.content_type,
        {name: value.replace("created", "shipped") for name, value in told.headers.items()},
    )
    assert isinstance(read(renamed), Unknown)


def test_data_that_are_not_what_their_schema_says_go_as_json() -> None:
    # Given what Avro cannot write: an amount as text, one field too many, a version nobody knows
    odd = [
        order(data=V2.replace("50.25", '"much"')),
        order(data=V2.replace("}", ', "gift": true}')),
        order(version=9),
        message("avro", "order.created", V1, None),
        message("avro", "order.shipped", "{}", "cqrs-demo:order.shipped/1"),
    ]
    # Then it travels all the same, and what is wrong with it is the consumer's to say
    assert {told.content_type for told in odd} == {CONTENT_TYPE}
    assert why_not(odd[0]).startswith("data.amount: ")
    assert read(odd[3]).data.status == "approved"


def test_a_schema_nobody_knows_is_told_by_its_fingerprint() -> None:
    told = order()
    reason = why_not(replace(told, body=b"\xc3\x01" + bytes(8) + told.body[10:]))
    assert reason.startswith("data: unknown Avro schema")
    assert "order.created" in reason


SPOILT = {
    "cut": (lambda told: replace(told, body=told.body[:-3]), "data: cut or damaged Avro"),
    "cut to nothing": (lambda told: replace(told, body=b""), "data: not Avro's single-object"),
    "cut within the fingerprint": (
        lambda told: replace(told, body=told.body[:6]),
        "data: unknown Avro schema",
    ),
    "longer": (lambda told: replace(told, body=told.body + b"\0"), "data: bytes are left"),
    "JSON that says it is Avro": (
        lambda told: replace(told, body=V2.encode()),
        "data: not Avro's single-object",
    ),
    "Avro that says it is JSON": (
        lambda told: replace(told, content_type=CONTENT_TYPE),
        "not JSON",
    ),
    "another type in its header": (
        lambda told: replace(told, headers={**told.headers, "ce-type": "user.created"}),
        "type: the body is of another type",
    ),
    "another version in its header": (
        lambda told: replace(
            told, headers={**told.headers, "ce-dataschema": "cqrs-demo:order.created/1"}
        ),
        "dataschema: the body was written with another schema",
    ),
    "no headers": (lambda told: replace(told, headers={}), "not a CloudEvent"),
    "an id that is none": (
        lambda told: replace(told, headers={**told.headers, "ce-id": "one"}),
        "id: Input should be a valid UUID",
    ),
    "no sequence": (
        lambda told: replace(
            told, headers={n: v for n, v in told.headers.items() if n != "ce-sequence"}
        ),
        "sequence: Field required",
    ),
}


@pytest.mark.parametrize(("spoil", "reason"), SPOILT.values(), ids=SPOILT)
def test_an_avro_message_that_cannot_be_read_says_why_and_says_it_again_when_it_was_kept(
    spoil: Any, reason: str
) -> None:
    told = spoil(order())
    assert why_not(told).startswith(reason)
    # And so it does as the text by which it is kept
    again = Encoded(kept(told.body, told.content_type, told.headers))
    assert why_not(again) == why_not(told)


def test_an_avro_message_is_kept_as_text_with_all_its_bytes_and_read_like_it() -> None:
    told = order()
    text = kept(told.body, told.content_type, told.headers)
    assert b64decode(json.loads(text)["data_base64"]) == told.body
    assert json.loads(text)["traceparent"] == TRACE
    assert decode(text) == read(told)
    # And a message in JSON is kept as it came
    assert kept(b"{ }", CONTENT_TYPE, {}) == b"{ }"


@given(st.binary(max_size=80), st.booleans())
def test_any_bytes_that_say_they_are_avro_decode_or_say_why_not(body: bytes, known: bool) -> None:
    told = order()
    start = told.body[:10] if known else b""
    with suppress(DecodeError):
        read(replace(told, body=start + body))


@given(
    st.builds(
        lambda **data: json.dumps(data).replace('"amount": 0', '"amount": 0.01'),
        id=st.integers(1, 2**63 - 1),
        user_id=st.integers(1, 2**63 - 1),
        description=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        amount=st.integers(0, 10**10 - 1),
        purchase_dt=st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
        status=st.sampled_from(["approved", "pending"]),
    )
)
def test_any_order_is_the_same_in_both_codecs(data: str) -> None:
    binary = order("avro", data)
    assert binary.content_type == "avro/binary"
    assert read(binary) == read(order("json", data))


def test_every_version_there_is_was_met_here() -> None:
    # If a type gets another version, its upcaster wants a test like that of an order
    assert [type for type in KINDS if len(released(type)) > 1] == ["order.created"]
    assert isinstance(read(order()), OrderCreated)
