"""Events of any version in a notebook's hands: written, read, and put to the gate. It needs no
system and no broker, only the contract. Drafts stand in a folder that ends with the notebook.
Next: drafts.py.
"""

from base64 import b64decode
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from json import loads
from typing import Any
from uuid import UUID, uuid4

import pandas as pd

from cqrs_demo.contract import avro_codec, golden
from cqrs_demo.contract.codec import DecodeError, Encoded, decode, encode
from cqrs_demo.contract.events import Unknown
from cqrs_demo.contract.format import EventFormat
from cqrs_demo.contract.schemas import SCHEME, Schema, released
from cqrs_demo.exact_json import dumps
from cqrs_demo.messaging.broker import Message
from cqrs_demo.tooling.workshop.document import Document

ORDER = {
    "id": 1,
    "user_id": 1,
    "description": "Widget",
    "amount": 50,
    "purchase_dt": "2025-04-03T10:00:00Z",
    "status": "approved",
}
"""What an order.created says today."""


class NoEvent:
    """What a consumer makes of a message that it cannot use."""

    def __init__(self, told: str) -> None:
        self._told = told

    def __repr__(self) -> str:
        return self._told


def write(
    type: str, data: dict[str, Any], *, version: int | None = None, format: EventFormat = "json"
) -> Encoded:
    """An event as it travels. `version` is what its producer says that the data are of."""
    return encode(
        format,
        "/order-service",
        sequence=1,
        id=UUID(int=golden.STORY.int + 1),
        type=type,
        subject="1",
        time=datetime(2025, 4, 3, 10, 0, tzinfo=UTC),
        dataschema=f"{SCHEME}{type}/{version}" if version else None,
        data=dumps(data).decode(),
    )


def read(message: Encoded) -> Document | NoEvent:
    """What this project's consumers are given of a message, by the code that they use."""
    try:
        event = decode(message.body, message.content_type, message.headers)
    except DecodeError as error:
        return NoEvent(f"a dead letter: {error.reason}")
    if isinstance(event, Unknown):
        return NoEvent(f"passed over, and counted: no type {event.type} is known here")
    return Document(type=event.type, dataschema=event.dataschema, data=asdict(event.data))


def kept_since(version: int, type: str = "order.created", format: EventFormat = "json") -> Encoded:
    """An event that was written when this version was the newest, byte for byte: from the golden
    files, which CI reads."""
    file = golden.file_of(schema(type, version))
    message = loads(file.read_text(encoding="utf-8"))[format]
    binary = message.get("body_base64")
    body = b64decode(binary) if binary else message["body"].encode()
    return Encoded(body, message["content_type"], message["headers"])


def data_of(message: Encoded) -> Document:
    """The data of a message in JSON, as they stand in it."""
    return Document(loads(message.body)["data"])


def names(type: str, version: int) -> list[str]:
    """The fields of a released schema."""
    return [field["name"] for field in schema(type, version).fields()]


def schema(type: str, version: int) -> Schema:
    return released(type)[version - 1]


def fields_of(type: str) -> list[dict[str, Any]]:
    """Those of the newest released schema, as they stand in its file."""
    return released(type)[-1].fields()


def in_bytes(messages: Iterable[Encoded]) -> pd.DataFrame:
    """How each message stands in a queue."""
    rows = [
        (one.content_type, len(one.body), one.body[:2].hex(" "), len(one.headers))
        for one in messages
    ]
    columns = ["content type", "bytes of body", "begins with", "headers"]
    frame = pd.DataFrame(rows, columns=columns)
    frame.index = pd.Index([""] * len(frame))
    return frame


def parts_of(message: Encoded) -> Document:
    """What an Avro body is made of: Avro's single-object encoding."""
    body = message.body
    return Document(
        marker=body[:2].hex(" "),
        fingerprint=body[2:10].hex(" "),
        record=body[10:].hex(" "),
    )


def fingerprints(type: str) -> Document:
    """Of each released version."""
    digits = {s.name: bytes.fromhex(avro_codec.fingerprint_of(s)) for s in released(type)}
    return Document({name: fingerprint.hex(" ") for name, fingerprint in digits.items()})


def retold(event: dict[str, Any], type: str) -> dict[str, Any]:
    """What an event says, as an event of another type under an id of its own."""
    kept = {name: value for name, value in event.items() if name != "dataschema"}
    return kept | {"id": str(uuid4()), "type": type, "dataschema": released(type)[-1].uri}


def message_of(event: dict[str, Any], format: EventFormat) -> Message:
    """A CloudEvent of a feed as a relay publishes it."""
    attributes = {
        name: value
        for name, value in event.items()
        if name not in ("specversion", "datacontenttype", "data")
    }
    attributes["time"] = datetime.fromisoformat(event["time"])
    attributes["sequence"] = int(event["sequence"])
    told = encode(format, **attributes, data=dumps(event["data"]).decode())
    key = event.get("partitionkey", "")
    return Message(event["type"], event["id"], told.body, key, told.content_type, told.headers)
