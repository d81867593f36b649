"""The gate: what it lets pass, what it refuses and for whom; and how a version is released."""

import json
import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cqrs_demo.contract import gate, golden, release, schemas, upcasters
from cqrs_demo.contract.avro_codec import fingerprint_of
from cqrs_demo.contract.gate import REPLAY, RUNNING, candidate, compare
from cqrs_demo.contract.schemas import Schema, newest, released
from cqrs_demo.tooling.cli import app

ORDERS = released("order.created")
Change = Callable[[dict[str, Any]], None]


def test_the_contract_is_sound_and_every_version_of_it_is_released() -> None:
    # What `cqrs-demo contract check` says of this checkout; CI stops here when it is not so
    assert release.problems() == []
    assert [schema.name for schema in release.drafts()] == [], "run `cqrs-demo contract release`"


def test_an_order_has_two_versions_and_the_first_says_nothing_of_its_status() -> None:
    first, second = ([field["name"] for field in schema.fields()] for schema in ORDERS)
    assert second == [*first, "status"]


def field(record: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in record["fields"] if one["name"] == name)
    return found


def changed(change: Change) -> Schema:
    """order.created/3, as somebody might want it."""
    record = deepcopy(json.loads(ORDERS[-1].text))
    change(record)
    return candidate(json.dumps(record))


BAD: dict[str, tuple[Change, str, dict[str, set[int]]]] = {
    "a removed field": (
        lambda r: r["fields"].remove(field(r, "description")),
        "description",
        {RUNNING: {1, 2}},
    ),
    "a new field without a default": (
        lambda r: r["fields"].append({"name": "colour", "type": "string"}),
        "colour",
        {REPLAY: {1, 2}},
    ),
    "a changed type": (
        lambda r: field(r, "id").update(type="string"),
        "id",
        {REPLAY: {1, 2}, RUNNING: {1, 2}},
    ),
    "an amount as text, which Avro's rules let pass": (
        lambda r: field(r, "amount").update(type="string"),
        "amount",
        {REPLAY: {1, 2}, RUNNING: {1, 2}},
    ),
    "a narrowed enum": (
        lambda r: field(r, "status")["type"].update(symbols=["approved"]),
        "status",
        {REPLAY: {2}},
    ),
    "a widened enum": (
        lambda r: field(r, "status")["type"].update(symbols=["approved", "pending", "held"]),
        "status",
        {RUNNING: {2}},
    ),
    "another scale, which Avro's rules let pass": (
        lambda r: field(r, "amount")["type"].update(scale=4),
        "amount",
        {REPLAY: {1, 2}, RUNNING: {1, 2}},
    ),
    "fewer digits, which Avro's rules let pass": (
        lambda r: field(r, "amount")["type"].update(precision=8),
        "amount",
        {REPLAY: {1, 2}},
    ),
    "milliseconds, which Avro's rules let pass": (
        lambda r: field(r, "purchase_dt")["type"].update(logicalType="timestamp-millis"),
        "purchase_dt",
        {REPLAY: {1, 2}, RUNNING: {1, 2}},
    ),
    "a new name": (
        lambda r: field(r, "description").update(name="text"),
        "text",
        {REPLAY: {1, 2}, RUNNING: {1, 2}},
    ),
    "a new name with an alias, of a field that earlier readers need": (
        lambda r: field(r, "description").update(name="text", aliases=["description"]),
        "description",
        {RUNNING: {1, 2}},
    ),
    "a required field that may be null": (
        lambda r: field(r, "description").update(type=["null", "string"]),
        "description",
        {RUNNING: {1, 2}},
    ),
    "a default taken away": (
        lambda r: field(r, "status").pop("default"),
        "status",
        {REPLAY: {1}},
    ),
}


@pytest.mark.parametrize(("change", "name", "whom"), BAD.values(), ids=BAD)
def test_the_gate_refuses_a_change_and_says_which_field_and_for_whom(
    change: Change, name: str, whom: dict[str, set[int]]
) -> None:
    # When the change is put to the gate
    wrong = compare(changed(change), ORDERS)
    # Then it names who could not read what, beside each version concerned
    told = {side: {one.beside for one in wrong if one.whom == side} for side in (REPLAY, RUNNING)}
    assert {side: versions for side, versions in told.items() if versions} == whom
    assert any(f"`{name}`" in one.what for one in wrong)


GOOD: dict[str, Change] = {
    "a new field that may be null": lambda r: r["fields"].append(
        {"name": "colour", "type": ["null", "string"], "default": None}
    ),
    "a new field with a default": lambda r: r["fields"].append(
        {"name": "parts", "type": "long", "default": 1}
    ),
    "another order of the fields": lambda r: r["fields"].reverse(),
}


@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
def test_the_gate_lets_a_change_pass_that_every_reader_can_live_with(change: Change) -> None:
    assert compare(changed(change), ORDERS) == []


def test_an_optional_field_may_get_a_new_name_with_an_alias() -> None:
    record = json.loads(released("order.cancelled")[-1].text)
    field(record, "reason").update(name="why", aliases=["reason"])
    assert compare(candidate(json.dumps(record)), released("order.cancelled")) == []


def test_a_change_that_no_reader_of_avro_could_see_is_refused() -> None:
    # Given another default: the fingerprint is made without it
    wrong = compare(changed(lambda r: field(r, "status").update(default="pending")), ORDERS)
    assert ["fingerprint" in one.what for one in wrong] == [True]


def test_no_two_versions_of_all_types_have_the_same_fingerprint() -> None:
    all_of_them = [schema for type in schemas.KINDS for schema in released(type)]
    assert len({fingerprint_of(schema) for schema in all_of_them}) == len(all_of_them)


def test_a_version_that_no_upcaster_leads_on_from_stops_the_build(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(upcasters.UPCASTERS, ("order.created", 1))
    assert [(one.schema, "no upcaster" in one.what) for one in gate.missing_steps()] == [
        ("order.created/1", True)
    ]


def test_a_type_that_is_taken_away_stops_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(schemas.KINDS, "credit.limited")
    assert [one.schema for one in gate.lost_types()] == ["credit.limited"]


@pytest.fixture
def before_version_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The contract's files as they were when order.created/2 was a draft."""
    for name, module in (("schemas", schemas), ("golden", golden)):
        shutil.copytree(module.FOLDER, tmp_path / name)
        monkeypatch.setattr(module, "FOLDER", tmp_path / name)
    (tmp_path / "schemas/order.created/2.avsc").unlink()
    (tmp_path / "golden/order.created/2.json").unlink()
    sums = tmp_path / "schemas" / release.SUMS
    lines = sums.read_text().splitlines(keepends=True)
    sums.write_text("".join(line for line in lines if "order.created/2" not in line))
    for cached in (schemas.released, schemas.newest, schemas.all_versions):
        cached.cache_clear()
    return tmp_path


@pytest.fixture(autouse=True)
def _forget_files() -> Any:
    yield
    for cached in (schemas.released, schemas.newest, schemas.all_versions):
        cached.cache_clear()


def test_release_writes_what_a_draft_says_and_never_again(before_version_2: Path) -> None:
    # Given a draft of a version, compatible with the one before
    originals = Path(release.__file__).parent
    assert [schema.name for schema in release.drafts()] == ["order.created/2"]
    assert release.problems() == []
    # When it is released
    assert [schema.name for schema in release.release()] == ["order.created/2"]
    # Then its files are there, byte for byte those that were released in fact
    for name in ("schemas/order.created/2.avsc", "golden/order.created/2.json"):
        assert (before_version_2 / name).read_bytes() == (originals / name).read_bytes()
    sums = f"schemas/{release.SUMS}"
    assert (before_version_2 / sums).read_bytes() == (originals / sums).read_bytes()
    # And there is nothing to release any more
    with pytest.raises(release.NothingToRelease):
        release.release()


def test_a_released_file_that_is_edited_or_gone_or_slipped_in_stops_the_build(
    before_version_2: Path,
) -> None:
    # Given three files that were tampered with
    folder = before_version_2 / "schemas"
    file = folder / "user.created/1.avsc"
    file.write_text(file.read_text().replace('"email"', '"mail"'))
    (folder / "account.created/1.avsc").unlink()
    (folder / "order.created/2.avsc").write_text("{}")
    # Then each is named, and nothing can be released
    assert sorted(
        (one.schema, one.what.split(";")[0].split(":")[0]) for one in release.problems()
    ) == [
        ("account.created/1", "its file is gone"),
        ("order.created/2", "nobody released its file"),
        ("user.created/1", "its file is changed"),
    ]
    with pytest.raises(release.GateIsRed):
        release.release()


def test_a_golden_event_that_is_read_otherwise_stops_the_build(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given an upcaster that says of old orders that they were pending
    monkeypatch.setitem(
        upcasters.UPCASTERS, ("order.created", 1), lambda data: {"status": "pending", **data}
    )
    # Then the golden event of version 1 is read otherwise, in both codecs
    wrong = golden.broken()
    assert {one.schema for one in wrong} == {"order.created/1"}
    assert [("data.status" in one.what, one.whom) for one in wrong] == [(True, REPLAY)] * 2


def test_released_readers_read_what_is_written_today_and_the_gate_notices_when_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert golden.unread() == []
    # Given that what is written today is a version without a description
    worse = changed(lambda r: r["fields"].remove(field(r, "description")))
    today = {type: newest(type) for type in schemas.KINDS} | {"order.created": worse}
    monkeypatch.setattr(golden, "newest", lambda type: today[type])
    assert [(one.schema, one.beside) for one in golden.unread()] == [
        ("order.created/3", 1),
        ("order.created/3", 2),
    ]


# The command.


def run(*arguments: str) -> tuple[int, str]:
    said = CliRunner().invoke(app, ["contract", *arguments])
    return said.exit_code, said.output


def test_the_command_teaches_what_is_wrong_for_whom_and_three_ways_out(tmp_path: Path) -> None:
    # Given a change that takes a field away
    file = tmp_path / "mine.avsc"
    file.write_text(changed(BAD["a removed field"][0]).text)
    # When it is tried
    code, said = run("check", str(file))
    # Then it is refused, with the field, the readers, and what can be done
    assert code == 1
    assert "order.created/3" in said
    assert "`description`" in said
    assert RUNNING in said
    assert said.count("beside version 1, 2") == 1
    assert all(f"{number}. " in said for number in (1, 2, 3))
    # And for programs
    code, said = run("check", "--json", str(file))
    assert code == 1
    told = json.loads(said)
    assert (told["ok"], {one["beside"] for one in told["problems"]}) == (False, {1, 2})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not JSON"),
        ("[]", 'no "name"'),
        ('{"name": "order.created", "type": "cupboard"}', "no Avro record"),
        ('{"name": "order.created", "type": "enum", "symbols": ["A"]}', "of no record"),
        (
            '{"name": "order.created", "type": "record", "fields": '
            '[{"name": "id", "type": "string", "default": 1}]}',
            "Default value <1> must match schema type",
        ),
    ],
)
def test_a_file_that_is_no_schema_is_refused_with_the_reason(
    tmp_path: Path, text: str, why: str
) -> None:
    file = tmp_path / "mine.avsc"
    file.write_text(text)
    code, said = run("check", str(file))
    assert (code, why in said) == (1, True), said


def test_a_file_that_is_not_there_and_a_type_that_is_new(tmp_path: Path) -> None:
    assert run("check", str(tmp_path / "none.avsc"))[0] == 1
    file = tmp_path / "new.avsc"
    file.write_text('{"name": "order.shipped", "type": "record", "fields": []}')
    assert run("check", str(file))[0] == 0


def test_nothing_is_released_where_nothing_has_changed() -> None:
    code, said = run("release")
    assert (code, "Nothing to release" in said) == (1, True)
    assert json.loads(run("check", "--json")[1]) == {"ok": True, "problems": [], "drafts": []}
