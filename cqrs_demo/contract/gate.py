"""The gate: which change of a schema is no change for those who read it, and which is.

A log is kept for ever, and readers of several versions run at once during an upgrade. So a schema
must be backward AND forward compatible with ALL earlier versions of its type. Whether it is, the
`avro` package says; it looks past logical types, so those are compared here. Next: golden.py,
which holds the versions to what they were; release.py, which adds one.
"""

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import avro.errors
import avro.schema
from avro.compatibility import (
    ReaderWriterCompatibilityChecker,
    SchemaCompatibilityResult,
    SchemaCompatibilityType,
    lookup_writer_field,
)
from avro.schema import RecordSchema
from avro.schema import Schema as AnySchema
from fastavro.schema import SchemaParseException, UnknownType

from cqrs_demo.contract import schemas
from cqrs_demo.contract.avro_codec import fingerprint_of
from cqrs_demo.contract.events import KINDS
from cqrs_demo.contract.schemas import Schema, all_versions, newest, released
from cqrs_demo.contract.upcasters import UPCASTERS

WAYS_OUT = (
    "Give the field a default, so that either side can do without it.",
    "Leave what is there as it is, and add a new optional field beside it.",
    "Publish a new type beside the old one for a time, until every consumer has moved over.",
)

REFUSED = (
    ValueError,
    avro.errors.AvroException,
    avro.errors.AvroWarning,
    SchemaParseException,
    UnknownType,
)
"""What the two libraries raise for a text that is no schema."""

REPLAY = "new readers of earlier events: messages in a queue, and the log, which a replay reads"
RUNNING = "earlier readers that are still running: other copies, other services, other teams"


@dataclass(frozen=True, slots=True)
class Problem:
    """`whom`: who could not read it, None where nobody is concerned but the gate; `beside`: the
    version that it was compared with."""

    schema: str
    what: str
    whom: str | None = None
    beside: int | None = None


def compare(schema: Schema, earlier: Sequence[Schema]) -> list[Problem]:
    """What is wrong with this schema beside all earlier versions of its type."""
    try:
        new = _record(schema.text)
        fingerprint_of(schema)  # fastavro looks at defaults, too
    except REFUSED as error:
        return [Problem(schema.name, f"it is no Avro record: {error}")]
    return [
        problem
        for old in earlier
        for problem in (
            *_told(schema, REPLAY, new, _record(old.text), old),
            *_told(schema, RUNNING, _record(old.text), new, old),
            *_same_on_the_wire(schema, old),
        )
    ]


def missing_steps() -> list[Problem]:
    """Versions that no upcaster leads on from, and upcasters that lead nowhere."""
    needed = {(type, step) for type in KINDS for step in range(1, newest(type).version)}
    return [
        Problem(
            f"{type}/{step}",
            f"no upcaster leads from version {step} to {step + 1}: write it in upcasters.py",
        )
        for type, step in sorted(needed - UPCASTERS.keys())
    ] + [
        Problem(f"{type}/{step}", f"an upcaster leads on from here, but there is no {step + 1}")
        for type, step in sorted(UPCASTERS.keys() - needed)
    ]


def lost_types() -> list[Problem]:
    """Types that were released, and that events.py has no more."""
    what = "events.py has this type no more: its events, in the log for ever, would be passed over"
    folders = {folder.name for folder in schemas.FOLDER.iterdir() if folder.is_dir()}
    return [Problem(type, what, REPLAY) for type in sorted(folders - KINDS.keys())]


def incompatible_versions() -> list[Problem]:
    """Each version of each type, beside all that came before it."""
    return [
        problem
        for type in KINDS
        for place, schema in enumerate(all_versions(type))
        for problem in compare(schema, all_versions(type)[:place])
    ]


def _record(text: str) -> RecordSchema:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a logical type that Avro would ignore
        record = avro.schema.parse(text)
    if not isinstance(record, RecordSchema):
        raise ValueError("it is a valid schema, but of no record")
    return record


def _told(
    schema: Schema, whom: str, reader: RecordSchema, writer: RecordSchema, old: Schema
) -> list[Problem]:
    reasons = [*_fields(reader, writer), *_meanings(reader, writer)]
    whole = _can_read(reader, writer)
    if whole.compatibility is SchemaCompatibilityType.incompatible and not reasons:
        reasons = sorted(whole.messages)
    return [Problem(schema.name, reason, whom, old.version) for reason in reasons]


def _can_read(reader: AnySchema, writer: AnySchema) -> SchemaCompatibilityResult:
    checker: Any = ReaderWriterCompatibilityChecker  # it has no types
    result: SchemaCompatibilityResult = checker().get_compatibility(reader, writer)
    return result


def _fields(reader: RecordSchema, writer: RecordSchema) -> Iterator[str]:
    """The library's verdict field by field, so that each can be named."""
    for field in reader.fields:
        written = lookup_writer_field(writer, field)
        if written is None:
            if not field.has_default:
                yield f"`{field.name}` is needed to read, is not written, and has no default"
            continue
        verdict = _can_read(field.type, written.type)
        if verdict.compatibility is SchemaCompatibilityType.incompatible:
            kind = verdict.incompatibilities[0].name.replace("_", " ")
            yield f"`{field.name}`: {kind} ({', '.join(sorted(verdict.messages))})"


def _meanings(reader: RecordSchema, writer: RecordSchema) -> Iterator[str]:
    """What the library takes for equal: the same bytes, read as something else."""
    for field in reader.fields:
        written = lookup_writer_field(writer, field)
        if written is not None:
            theirs = dict(_leaves(written.type.to_json(), ""))
            for path, ours in _leaves(field.type.to_json(), ""):
                if path in theirs and (why := _other_meaning(ours, theirs[path])):
                    yield f"`{field.name}{path}`: {why}"


def _leaves(type: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The types that hold values, each under its path."""
    if isinstance(type, list):
        for branch in type:
            if branch != "null":
                yield from _leaves(branch, path)
    elif isinstance(type, dict) and type["type"] == "record":
        for field in type["fields"]:
            yield from _leaves(field["type"], f"{path}.{field['name']}")
    elif isinstance(type, dict) and type["type"] in ("array", "map"):
        yield from _leaves(type.get("items", type.get("values")), f"{path}[]")
    elif isinstance(type, dict) and isinstance(type["type"], dict | list):
        yield from _leaves(type["type"], path)
    else:
        yield path, type if isinstance(type, dict) else {"type": type}


def _other_meaning(ours: dict[str, Any], theirs: dict[str, Any]) -> str | None:
    if _meaning(ours) != _meaning(theirs):
        return f"{_meaning(theirs)} would be read as {_meaning(ours)}"
    if ours.get("precision", 0) < theirs.get("precision", 0):
        return f"{theirs['precision']} digits may come, and {ours['precision']} can be read"
    return None


def _meaning(type: dict[str, Any]) -> str:
    if type.get("logicalType") == "decimal":
        return f"a decimal with {type.get('scale', 0)} decimals"
    if "logicalType" in type:
        return str(type["logicalType"])
    # A string and plain bytes are one to Avro, but not to JSON. Numbers may grow.
    return "a text" if type["type"] == "string" else "a plain value"


def _same_on_the_wire(schema: Schema, old: Schema) -> list[Problem]:
    if schema.text == old.text or fingerprint_of(schema) != fingerprint_of(old):
        return []
    what = (
        "it has the same fingerprint: a reader of Avro could not tell the two apart. (Defaults, "
        "aliases and logical types are not part of it.)"
    )
    return [Problem(schema.name, what, beside=old.version)]


def candidate(text: str) -> Schema:
    """The schema in this text as the next version of the type that it names. Raises ValueError."""
    try:
        told = json.loads(text)
    except ValueError as error:
        raise ValueError(f"it is not JSON: {error}") from error
    if not isinstance(told, dict) or not isinstance(told.get("name"), str):
        raise ValueError('it has no "name", which says the type: "order.created"')
    type = ".".join(part for part in (told.get("namespace"), told["name"]) if part)
    return Schema(type, len(released(type)) + 1, text)
