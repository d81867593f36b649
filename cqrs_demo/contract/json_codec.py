"""Events in JSON: CloudEvents' structured form, attributes and data in one object. The default."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError

from cqrs_demo.contract.events import Event
from cqrs_demo.contract.reading import (
    OLDER,
    decode_error,
    event_of,
    known,
    of_unknown_type,
    unknown,
)

CONTENT_TYPE = "application/cloudevents+json"


def encode_json(
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
    dataschema: str | None = None,
    traceparent: str | None = None,
) -> bytes:
    """The event as it goes over any transport. `data` is JSON text, put in as it stands: no number
    is parsed and rounded on the way. An attribute that is not known is left out."""
    optional = {
        "dataschema": dataschema,
        "partitionkey": partitionkey,
        "correlationid": correlationid,
        "causationid": causationid,
        "traceparent": traceparent,
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
            **{name: value for name, value in optional.items() if value is not None},
            "data": orjson.Fragment(data),
        },
        option=orjson.OPT_UTC_Z,
    )


def decode_json(body: bytes) -> Event:
    """The event in `body`. Raises DecodeError, and nothing else, for anything that is not one."""
    try:
        event = known.validate_json(body)
    except ValidationError as error:
        return _another(body, error)
    return event if (event.type, event.dataschema) not in OLDER else _lifted(loads(body))


def _another(body: bytes, why_not: ValidationError) -> Event:
    """It is not of the newest version of a type we know. Then what is it?"""
    if of_unknown_type(why_not):
        try:
            return unknown.validate_json(body)
        except ValidationError as error:
            raise decode_error(error) from error
    older = loads(body) if why_not.errors()[0]["type"] != "json_invalid" else None
    if isinstance(older, dict) and _is_older(older):
        return _lifted(older)
    raise decode_error(why_not) from why_not


def _is_older(event: dict[str, Any]) -> bool:
    type, uri = event.get("type"), event.get("dataschema")
    return isinstance(type, str) and (uri is None or isinstance(uri, str)) and (type, uri) in OLDER


def _lifted(event: dict[str, Any]) -> Event:
    return event_of(event, event.get("data"))


def loads(body: bytes | str) -> Any:
    """What pydantic has found to be JSON; an amount is the decimal that was written. None where
    Python cannot hold it after all."""
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        return None
