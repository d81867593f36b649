"""Golden files: one event of every version ever released, as each codec wrote it on that day, and
what it is read as today.

They hold the code to the past: whatever becomes of the codecs and upcasters, these bytes stay
readable. The values are chosen to break what is careless: a number that no float holds, the largest
amount, microseconds, letters beyond ASCII. Next: release.py, which writes one for a new version.
"""

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import fastavro
from pydantic import TypeAdapter

from cqrs_demo.contract.avro_codec import NotInAvro, form_of
from cqrs_demo.contract.codec import DecodeError, decode, encode
from cqrs_demo.contract.events import KINDS, Event
from cqrs_demo.contract.format import EventFormat
from cqrs_demo.contract.gate import REPLAY, RUNNING, Problem
from cqrs_demo.contract.json_codec import loads
from cqrs_demo.contract.schemas import Schema, newest, released

FOLDER = Path(__file__).parent / "golden"

STORY = UUID("019526f7-c000-7000-8000-00000000c0de")
_any_event: TypeAdapter[Event] = TypeAdapter(Event)


def file_of(schema: Schema) -> Path:
    return FOLDER / schema.type / f"{schema.version}.json"


def write(schema: Schema) -> None:
    """The golden file of a version that is the newest, as the codecs write it today."""
    messages: dict[str, Any] = {"json": _message("json", schema), "avro": _message("avro", schema)}
    _save(schema, messages)


def read_again(schema: Schema) -> None:
    """What the version is read as may change with a new one: then the difference is to be seen, by
    whoever reviews the change. The bytes stay."""
    golden = json.loads(file_of(schema).read_text(encoding="utf-8"))
    _save(schema, {format: golden[format] for format in get_args(EventFormat)})


def broken() -> list[Problem]:
    """Versions whose golden file is missing, or is not read as it was."""
    return [problem for type in KINDS for schema in released(type) for problem in _broken(schema)]


def unread() -> list[Problem]:
    """Released versions that cannot read what is written today."""
    return [
        Problem(newest(type).name, why, RUNNING, reader.version)
        for type in KINDS
        for reader in released(type)
        if (why := _why_unread(newest(type), reader))
    ]


def sample(schema: Schema) -> str:
    """Data of this version, as JSON text."""
    values = [_sample(field["name"], field["type"], n) for n, field in enumerate(schema.fields())]
    named = zip((field["name"] for field in schema.fields()), values, strict=True)
    return "{" + ", ".join(f'"{name}": {value}' for name, value in named) + "}"


def _sample(name: str, type: Any, place: int) -> str:
    """The value as JSON text. Raises TypeError for a type that no schema has had so far."""
    if isinstance(type, list):
        return _sample(name, type[-1], place)
    match type:
        case "long":
            return str(2**53 + 1 + place)
        case "string":
            return json.dumps(f'{name}: Zoë ☕ "名"', ensure_ascii=False)
        case {"logicalType": "decimal", "precision": digits, "scale": scale}:
            return f"{'9' * (digits - scale)}.{'9' * scale}"
        case {"logicalType": "timestamp-micros"}:
            return '"2025-04-03T10:00:00.123456Z"'
        case {"type": "enum", "symbols": symbols}:
            return json.dumps(symbols[-1])
    raise TypeError(f"{name}: golden.py has no sample of type {type}; add one")


def _message(format: EventFormat, schema: Schema) -> dict[str, Any]:
    told = encode(
        format,
        "/golden",
        sequence=2**53 + 1,
        id=UUID(int=STORY.int + 1),
        type=schema.type,
        subject="9007199254740993",
        time=datetime(2025, 4, 3, 10, 0, 0, 1, tzinfo=UTC),
        partitionkey="9007199254740994",
        correlationid=STORY,
        causationid=STORY,
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        dataschema=schema.uri,
        data=sample(schema),
    )
    body = {"body": told.body.decode()} if format == "json" else {}
    binary = {"body_base64": b64encode(told.body).decode()} if format == "avro" else {}
    return {"content_type": told.content_type, "headers": dict(told.headers), **body, **binary}


def _save(schema: Schema, messages: dict[str, Any]) -> None:
    [event] = {json.dumps(_event(message)) for message in messages.values()}
    file = file_of(schema)
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**messages, "event": json.loads(event)}, indent=2, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")


def _event(message: dict[str, Any]) -> Any:
    """What is read of it today, as JSON values. Raises DecodeError."""
    body = b64decode(message["body_base64"]) if "body_base64" in message else None
    body = message["body"].encode() if body is None else body
    event = decode(body, message["content_type"], message["headers"])
    return _any_event.dump_python(event, mode="json")


def _broken(schema: Schema) -> list[Problem]:
    try:
        golden = json.loads(file_of(schema).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return [Problem(schema.name, f"its golden file is missing: {file_of(schema)}")]
    problems, known = [], released(schema.type)
    for format in get_args(EventFormat):
        try:
            event = _event(golden[format])
        except DecodeError as error:
            problems.append(Problem(schema.name, f"in {format}: {error.reason}", REPLAY))
            continue
        if changed := _changed(event, golden["event"], is_draft=newest(schema.type) not in known):
            what = f"in {format} it is read otherwise than before: {', '.join(changed)}"
            problems.append(Problem(schema.name, what, REPLAY))
    return problems


def _changed(today: Any, then: Any, *, is_draft: bool) -> list[str]:
    """Names of what is another. Beside a draft, what it adds or renames is no change yet: `release`
    will show it."""
    if is_draft:
        today, then = ({**event, "dataschema": None} for event in (today, then))
    names = [name for name in today if name != "data" and today[name] != then.get(name)]
    ours, theirs = today["data"], then["data"]
    both = ours.keys() & theirs.keys() if is_draft else ours.keys() | theirs.keys()
    return names + [f"data.{name}" for name in both if ours.get(name) != theirs.get(name)]


def _why_unread(written: Schema, reader: Schema) -> str | None:
    """By Avro's own rules, and in JSON by taking the fields that the reader knows."""
    try:
        data = loads(sample(written))
        body = BytesIO(form_of(written).write(data))
        body.seek(len(form_of(written).header))
        fastavro.schemaless_reader(body, form_of(written).parsed, form_of(reader).parsed)
        defaults = {f["name"]: f["default"] for f in reader.fields() if "default" in f}
        known = {f["name"] for f in reader.fields()}
        form_of(reader).write(defaults | {name: data[name] for name in known & data.keys()})
    except (NotInAvro, fastavro.read.SchemaResolutionError, TypeError, ValueError) as error:
        return f"what is written today is not read: {error or type(error).__name__}"
    return None
