"""From attributes and data to an event: lifted to the newest version, and checked.

This is the one place where versions meet. Both codecs end here (codec.py); an event in JSON that is
of the newest version is checked by pydantic's compiled core alone and comes by only to be waved
through.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from cqrs_demo.contract.events import KINDS, Event, KnownEvent, Unknown
from cqrs_demo.contract.schemas import Schema, all_versions, newest
from cqrs_demo.contract.upcasters import UPCASTERS

known: TypeAdapter[KnownEvent] = TypeAdapter(Annotated[KnownEvent, Field(discriminator="type")])
unknown = TypeAdapter(Unknown)

VERSIONS: dict[tuple[str, str | None], int] = {
    (type, schema.uri): schema.version for type in KINDS for schema in all_versions(type)
} | {(type, None): 1 for type in KINDS}
"""By type and `dataschema`. One that does not say its version is of the oldest."""

OLDER = {(type, uri) for (type, uri), version in VERSIONS.items() if version < newest(type).version}


class DecodeError(ValueError):
    """A message that is no event of this language.

    `reason` is one line without the message's values, fit to group by; `str()` adds the detail.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}\n{detail}")
        self.reason = reason


def event_of(attributes: dict[str, Any], data: Any) -> Event:
    """The event, whatever version its data are of. One that is newer than this reader is read as if
    it were the newest known: fields that nobody knows are ignored. Raises DecodeError."""
    type = attributes.get("type")
    version = VERSIONS.get((str(type), attributes.get("dataschema"))) if is_known(type) else None
    if version is not None and isinstance(data, dict):
        schema = newest(str(type))
        if version < schema.version:
            data = _lifted(data, version, schema)
            attributes = {**attributes, "dataschema": schema.uri}
    try:
        return known.validate_python({**attributes, "data": data})
    except ValidationError as error:
        if not of_unknown_type(error):
            raise decode_error(error) from error
    try:
        return unknown.validate_python(attributes)
    except ValidationError as error:
        raise decode_error(error) from error


def is_known(type: Any) -> bool:
    return isinstance(type, str) and type in KINDS


def _lifted(data: dict[str, Any], version: int, newest: Schema) -> dict[str, Any]:
    data = _as_json(data)
    for step in range(version, newest.version):
        upcaster = UPCASTERS[newest.type, step]
        try:
            data = upcaster(data)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            why = f"data: version {step} cannot be lifted to {step + 1}"
            raise DecodeError(why, f"{newest.type}: {error!r}") from error
    return data


def _as_json(data: dict[str, Any]) -> dict[str, Any]:
    """What upcasters are given: Avro's instants as JSON's texts."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in data.items()
    }


def of_unknown_type(error: ValidationError) -> bool:
    return error.errors()[0]["type"] == "union_tag_invalid"


def decode_error(error: ValidationError) -> DecodeError:
    first = error.errors(include_url=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return DecodeError("not JSON", str(error))
    if not first["loc"]:  # it is about the whole: no object, or one without a type
        return DecodeError("not a CloudEvent", str(error))
    # The first part of a location is the type, by which the model was chosen.
    where = ".".join(map(str, first["loc"][1:] if first["loc"][0] in KINDS else first["loc"]))
    # What follows a comma quotes the value: "Input should be a valid UUID, invalid character: …
    # found `z` at 1".
    what = first["msg"].removeprefix("Value error, ").partition(",")[0]
    return DecodeError(f"{where}: {what}", str(error))
