"""The schemas of the events' data: one per type and version, in Avro's notation.

Those in the folder schemas/ are released and never change: `<type>/<version>.avsc`. What events.py
says today is the newest of them, or a draft of the next (`cqrs-demo contract check` tells). JSON
and Avro carry the same fields, so one file says what both hold. Next: upcasters.py, gate.py.
"""

import json
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from cqrs_demo.contract.events import (
    KINDS,
    Id,
    Instant,
    KnownEvent,
    Later,
    Limit,
    Money,
    Text,
    data_of,
    type_of,
)

FOLDER = Path(__file__).parent / "schemas"

SCHEME = "cqrs-demo:"
"""CloudEvents wants a URI for `dataschema`: cqrs-demo:order.created/2."""

DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}

AVRO_TYPES: dict[Any, Any] = {
    Id: "long",
    Text: "string",
    Money: DECIMAL,
    Limit: DECIMAL,
    Instant: {"type": "long", "logicalType": "timestamp-micros"},
}


@dataclass(frozen=True, slots=True)
class Schema:
    """`text` is what stands in its file."""

    type: str
    version: int
    text: str

    @property
    def name(self) -> str:
        """Such as "order.created/2"."""
        return f"{self.type}/{self.version}"

    @property
    def uri(self) -> str:
        return SCHEME + self.name

    @property
    def file(self) -> Path:
        return FOLDER / self.type / f"{self.version}.avsc"

    def fields(self) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = json.loads(self.text)["fields"]
        return told


@cache
def released(type: str) -> tuple[Schema, ...]:
    """Every version of this type there is a file of, the oldest first."""
    versions = sorted(int(file.stem) for file in (FOLDER / type).glob("*.avsc"))
    return tuple(
        Schema(type, version, (FOLDER / type / f"{version}.avsc").read_text(encoding="utf-8"))
        for version in versions
    )


@cache
def newest(type: str) -> Schema:
    """What events.py says today: the newest version, or a draft of the one after it."""
    text, known = schema_text(KINDS[type]), released(type)
    if known and known[-1].text == text:
        return known[-1]
    return Schema(type, len(known) + 1, text)


@cache
def all_versions(type: str) -> tuple[Schema, ...]:
    known, today = released(type), newest(type)
    return known if today in known else (*known, today)


def schema_of(event: type[KnownEvent]) -> str:
    """The `dataschema` of such an event as it is written today."""
    return newest(type_of(event)).uri


def schema_text(event: type[KnownEvent]) -> str:
    """The schema that the dataclass of this event's data comes to: a field a line."""
    type = type_of(event)
    topic, _, name = type.rpartition(".")
    told = [json.dumps(_field(type, field)) for field in fields(data_of(event))]
    lines = ",\n    ".join(told)
    return (
        f'{{\n  "type": "record",\n  "namespace": "{topic}",\n  "name": "{name}",\n'
        f'  "fields": [\n    {lines}\n  ]\n}}\n'
    )


def _field(type: str, field: Field[Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"name": field.name, "type": _avro(f"{type}.{field.name}", field.type)}
    if field.default is not MISSING:
        told["default"] = field.default
    for mark in getattr(field.type, "__metadata__", ()):
        if isinstance(mark, Later):
            told["default"] = mark.default
            told |= {"aliases": list(mark.aliases)} if mark.aliases else {}
    return told


def _avro(name: str, kind: Any) -> Any:
    """Raises TypeError for a type of field that no schema has had so far: add it to AVRO_TYPES."""
    if kind in AVRO_TYPES:
        return AVRO_TYPES[kind]
    if get_origin(kind) is Literal:
        space, _, field = name.rpartition(".")
        symbols = list(get_args(kind))
        return {"type": "enum", "namespace": space, "name": field, "symbols": symbols}
    if get_origin(kind) is Annotated:
        return _avro(name, get_args(kind)[0])
    if NoneType in get_args(kind):
        [some] = [one for one in get_args(kind) if one is not NoneType]
        return ["null", _avro(name, some)]
    raise TypeError(f"{name}: there is no Avro type for {kind}; add it to AVRO_TYPES")
