"""Drafts of the next version of an event, in a scratch folder and never in the package: what the
gate says to them, what a reader of an earlier version sees, and whether an upcaster is right."""

import copy
import json
import tempfile
from collections.abc import Callable
from functools import cached_property
from inspect import isfunction
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro

from cqrs_demo.contract.avro_codec import NotInAvro, form_of
from cqrs_demo.contract.gate import Problem, candidate, compare
from cqrs_demo.contract.schemas import Schema, released
from cqrs_demo.tooling.cli.contract import COMPATIBLE, explained
from cqrs_demo.tooling.workshop.document import Document

Data = dict[str, Any]


class Verdict:
    """What the gate says, in the words of `cqrs-demo contract check FILE`."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems

    @property
    def green(self) -> bool:
        return not self.problems

    @property
    def first(self) -> str:
        return self.problems[0].what

    def __repr__(self) -> str:
        return explained(self.problems).strip() or COMPATIBLE


class Drafts:
    """It ends with the notebook."""

    @cached_property
    def _kept(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="cqrs-drafts-")

    def file(self, type: str) -> Path:
        return Path(self._kept.name) / f"{type}.avsc"

    def check(self, type: str, fields: list[Data]) -> Verdict:
        """Writes the draft and puts it to the gate. Raises AssertionError for what is no list of
        fields."""
        file = self.file(type)
        file.write_text(schema_text(type, fields), encoding="utf-8")
        draft = candidate(file.read_text(encoding="utf-8"))
        return Verdict(compare(draft, released(type)))

    def seen_by(self, version: int, type: str, fields: list[Data], data: Data) -> Document:
        """What a reader of a released version is given, by Avro's rules, of an event of the
        draft."""
        writer, reader = form_of(_draft(type, fields)), form_of(released(type)[version - 1])
        body = BytesIO(writer.write(data))
        body.seek(len(writer.header))
        seen: Any = fastavro.schemaless_reader(body, writer.parsed, reader.parsed)
        return Document(seen)


def schema_text(type: str, fields: Any) -> str:
    wanted = 'a list of fields is wanted, each such as {"name": "currency", "type": "string"}'
    assert isinstance(fields, list), f"{wanted}; this is {fields!r}"
    for field in fields:
        complete = isinstance(field, dict) and {"name", "type"} <= field.keys()
        assert complete, f"{wanted}; one of these is {field!r}"
    topic, _, name = type.rpartition(".")
    record = {"type": "record", "namespace": topic, "name": name, "fields": fields}
    return json.dumps(record, indent=2)


def _draft(type: str, fields: list[Data]) -> Schema:
    return candidate(schema_text(type, fields))


def judge_currency(drafts: Drafts, fields: Any) -> None:
    """Exercise 11.1. Raises AssertionError with the reason."""
    verdict = drafts.check("order.created", fields)
    assert verdict.green, f"the gate is red: {verdict.first}"
    names = {field["name"] for field in fields}
    assert "currency" in names, "the gate is green, and there is no currency in it"
    lost = {field["name"] for field in released("order.created")[-1].fields()} - names
    assert not lost, f"{', '.join(sorted(lost))} is gone"
    [currency] = [field for field in fields if field["name"] == "currency"]
    assert currency.get("default") == "EUR", (
        f"whoever reads an old order is told that its currency is {currency.get('default')!r}, and "
        "it was EUR"
    )


OLD_ENDINGS: tuple[Data, ...] = (
    {"id": 1, "user_id": 1, "reason": "too large for the stairs"},
    {"id": 2, "user_id": 1, "reason": None},
    {"id": 3, "user_id": 1},
)
"""Of order.cancelled, version 1. The last one has no reason at all: nobody gave any."""


def judge_upcaster(upcaster: Callable[[Data], Data], type: str, fields: list[Data]) -> None:
    """Exercise 11.2: `reason` became `because`. Raises AssertionError with the reason."""
    assert isfunction(upcaster), f"a function is wanted, and this is {upcaster!r}"
    for old in OLD_ENDINGS:
        given = copy.deepcopy(old)
        new = _lifted(upcaster, given)
        assert given == old, "it changed what it was given; make a new dict"
        assert new == _lifted(upcaster, copy.deepcopy(old)), "it gives another answer each time"
        assert isinstance(new, dict), f"a dict is wanted, and it returns {new!r}"
        assert "because" in new, f"there is no `because` in what it makes of {old}"
        assert "reason" not in new, "`reason` is still there: version 2 has `because` in its place"
        told, wanted = new["because"], old.get("reason")
        assert told == wanted, f"of {old} it says because = {told!r}, and {wanted!r} is known"
        kept = {name: value for name, value in old.items() if name != "reason"}
        assert new == {**kept, "because": wanted}, f"{old} became {new}: id and user_id stay"
        _assert_of(_draft(type, fields), new)


def _lifted(upcaster: Callable[[Data], Data], data: Data) -> Any:
    try:
        return upcaster(data)
    except KeyError as missing:
        raise AssertionError(f"it needs {missing}, and {data} has none") from None
    except Exception as error:
        why = f"of {data} it makes nothing: {type(error).__name__}: {error}"
        raise AssertionError(why) from None


def _assert_of(schema: Schema, data: Data) -> None:
    try:
        form_of(schema).write(data)
    except NotInAvro as error:
        raise AssertionError(f"that is no event of version 2: {error}") from None


def without(fields: list[Data], name: str) -> list[Data]:
    return [field for field in fields if field["name"] != name]
