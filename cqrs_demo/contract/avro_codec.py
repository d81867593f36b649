"""Events in Avro: the data in Avro's single-object encoding, the attributes in headers.

A body begins with two fixed bytes and the fingerprint of the schema it was written with, so a
reader that has the schemas (schemas.py) needs no registry. It is CloudEvents' binary form, as
RabbitMQ's binding has it: headers that begin with "ce-".

https://avro.apache.org/docs/1.12.0/specification/#single-object-encoding
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from io import BytesIO
from typing import Any

import fastavro
from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

from cqrs_demo.contract.events import KINDS, Event
from cqrs_demo.contract.json_codec import loads
from cqrs_demo.contract.reading import DecodeError, event_of, is_known
from cqrs_demo.contract.schemas import Schema, all_versions

CONTENT_TYPE = "avro/binary"
MARKER = b"\xc3\x01"
PREFIX = "ce-"


class NotInAvro(ValueError):
    """These data are not what a schema says: they can travel as JSON only."""


@dataclass(frozen=True, slots=True)
class Form:
    """A schema, ready to write and to read with. `converters`: what becomes of a JSON value before
    it is written, for the fields where anything does."""

    schema: Schema
    parsed: Any
    header: bytes
    converters: dict[str, Callable[[Any], Any]]

    def write(self, data: Mapping[str, Any]) -> bytes:
        """Raises NotInAvro."""
        out = BytesIO(self.header)
        out.seek(len(self.header))
        try:
            record = {**data, **{name: to(data[name]) for name, to in self.converters.items()}}
            fastavro.schemaless_writer(out, self.parsed, record, strict=True)
        except (ArithmeticError, KeyError, TypeError, ValueError) as error:
            raise NotInAvro(f"{self.schema.name}: {error}") from error
        return out.getvalue()

    def read(self, body: bytes) -> dict[str, Any]:
        """Raises DecodeError."""
        content = BytesIO(body)
        content.seek(len(self.header))
        try:
            data: Any = fastavro.schemaless_reader(content, self.parsed, None)
        except Exception as error:  # of many kinds, from EOFError to IndexError, for damaged bytes
            raise DecodeError(
                "data: cut or damaged Avro", f"{self.schema.name}: {error}"
            ) from error
        if content.read(1):
            raise DecodeError("data: bytes are left after the Avro record", self.schema.name)
        return dict(data)


@cache
def form_of(schema: Schema) -> Form:
    header = MARKER + bytes.fromhex(fingerprint_of(schema))
    return Form(schema, parse_schema(json.loads(schema.text)), header, _converters(schema))


def fingerprint_of(schema: Schema) -> str:
    """CRC-64-AVRO of the canonical form, little-endian, in hexadecimal digits."""
    return fingerprint(to_parsing_canonical_form(json.loads(schema.text)), "CRC-64-AVRO")


@cache
def _by_uri() -> dict[str, Form]:
    return {schema.uri: form_of(schema) for type in KINDS for schema in all_versions(type)}


@cache
def _by_header() -> dict[bytes, Form]:
    return {form.header: form for form in _by_uri().values()}


def encode_avro(
    source: str, *, data: str, dataschema: str | None = None, **attributes: Any
) -> tuple[bytes, dict[str, str]]:
    """Body and headers. Raises NotInAvro: for an event that does not say its version (it is older
    than that), and one that is not what its schema says."""
    form = _by_uri().get(dataschema or "")
    values = loads(data)
    if form is None or not isinstance(values, dict):
        raise NotInAvro(f"there is no schema {dataschema}")
    attributes = {"specversion": "1.0", "source": source, "dataschema": dataschema, **attributes}
    headers = {
        PREFIX + name: _text(value) for name, value in attributes.items() if value is not None
    }
    return form.write(values), headers


def decode_avro(body: bytes, attributes: dict[str, Any]) -> Event:
    """The event. Raises DecodeError, and nothing else."""
    type = attributes.get("type")
    if not is_known(type):
        return event_of(attributes, None)
    form = _written_with(body, str(type))
    said = attributes.get("dataschema", form.schema.uri)
    if said != form.schema.uri:
        raise DecodeError(
            "dataschema: the body was written with another schema",
            f"The header says {said}, the fingerprint {form.schema.uri}.",
        )
    return event_of({**attributes, "dataschema": form.schema.uri}, form.read(body))


def data_in(body: bytes, type: str) -> dict[str, Any]:
    """What stands in the body, as its writer meant it. Raises DecodeError."""
    return _written_with(body, type).read(body)


def attributes_in(headers: Mapping[str, str]) -> dict[str, Any]:
    return {
        name.removeprefix(PREFIX): value
        for name, value in headers.items()
        if name.startswith(PREFIX)
    }


def _written_with(body: bytes, type: str) -> Form:
    if not body.startswith(MARKER):
        raise DecodeError(
            "data: not Avro's single-object encoding", "It does not begin with the bytes C3 01."
        )
    form = _by_header().get(body[:10])
    if form is None:
        raise DecodeError(
            f"data: unknown Avro schema: its fingerprint is of no version of {type} known here",
            f"The fingerprint is {body[2:10].hex()}. Was it written by a newer producer? Then "
            "bring this service up to date, and retry the message.",
        )
    if form.schema.type != type:
        raise DecodeError(
            "type: the body is of another type",
            f"The header says {type}, the fingerprint {form.schema.name}.",
        )
    return form


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)


def _converters(schema: Schema) -> dict[str, Callable[[Any], Any]]:
    """JSON has numbers and texts; Avro's writer wants decimals and instants."""
    found: dict[str, Callable[[Any], Any]] = {}
    for field in schema.fields():
        logical = field["type"].get("logicalType") if isinstance(field["type"], dict) else None
        if logical == "decimal":
            found[field["name"]] = _decimal
        elif logical == "timestamp-micros":
            found[field["name"]] = datetime.fromisoformat
    return found


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError(f"an amount is a number, not {type(value).__name__}")
    return Decimal(value)
