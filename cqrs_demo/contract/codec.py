"""The codec: how an event becomes bytes, and bytes an event. A seam of its own, beside the
broker's.

A producer writes one format (CQRS_EVENT_FORMAT); a consumer reads every one of them, whatever it is
set to. So a producer can change its format in a running system. Next: json_codec.py, avro_codec.py.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from cqrs_demo.contract import avro_codec, json_codec
from cqrs_demo.contract.avro_codec import NotInAvro, attributes_in, decode_avro, encode_avro
from cqrs_demo.contract.events import Event
from cqrs_demo.contract.format import EventFormat
from cqrs_demo.contract.json_codec import decode_json, encode_json
from cqrs_demo.contract.json_text import dumps
from cqrs_demo.contract.reading import DecodeError

__all__ = ["CONTENT_TYPE", "DecodeError", "Encoded", "decode", "encode", "kept", "readable"]

CONTENT_TYPE = json_codec.CONTENT_TYPE


@dataclass(frozen=True, slots=True)
class Encoded:
    """An event as it travels."""

    body: bytes
    content_type: str = CONTENT_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


def encode(format: EventFormat, source: str, **event: Any) -> Encoded:
    """The event of this row of the log. One that has no Avro form goes as JSON: a consumer reads
    that, too, or sets it aside; here it would stand in the way of those behind it."""
    if format == "avro":
        try:
            body, headers = encode_avro(source, **event)
        except NotInAvro:
            return Encoded(encode_json(source, **event))
        return Encoded(body, avro_codec.CONTENT_TYPE, headers)
    return Encoded(encode_json(source, **event))


def decode(
    body: bytes, content_type: str = CONTENT_TYPE, headers: Mapping[str, str] | None = None
) -> Event:
    """The event in a message of any format. Raises DecodeError, and nothing else, for anything that
    is not one."""
    if content_type != CONTENT_TYPE and is_avro(content_type):
        return decode_avro(body, attributes_in(headers or {}))
    if avro := _kept_avro(body):
        return decode_avro(*avro)
    return decode_json(body)


def is_avro(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == avro_codec.CONTENT_TYPE


def kept(body: bytes, content_type: str, headers: Mapping[str, str]) -> bytes:
    """The whole message as one text, to be kept: JSON as it came; Avro in CloudEvents' JSON form,
    its attributes beside its bytes (`data_base64`). decode() reads it like the message."""
    if not is_avro(content_type):
        return body
    attributes = {
        **attributes_in(headers),
        "datacontenttype": avro_codec.CONTENT_TYPE,
        "data_base64": b64encode(body).decode(),
    }
    return orjson.dumps(attributes)


def readable(body: bytes) -> bytes:
    """A message that was kept, for people: with Avro's data as JSON, where they can be read at
    all."""
    avro = _kept_avro(body)
    if avro is None:
        return body
    data, attributes = avro
    try:
        values = avro_codec.data_in(data, str(attributes.get("type")))
    except DecodeError:
        return body
    return dumps({**attributes, "datacontenttype": "application/json", "data": values})


def _kept_avro(body: bytes) -> tuple[bytes, dict[str, Any]] | None:
    """Bytes and attributes, where that is what `body` holds."""
    if b'"data_base64"' not in body:  # nearly always
        return None
    event = json_codec.loads(body)
    if not isinstance(event, dict) or not is_avro(str(event.get("datacontenttype"))):
        return None
    try:
        data = b64decode(str(event.pop("data_base64", "")), validate=True)
    except ValueError:
        return None
    return data, event
