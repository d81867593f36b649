"""The AsyncAPI document: committed as it is generated, valid, and true to what is sent.

The schema is AsyncAPI's own for 3.0.0, from the npm package @asyncapi/specs 6.11.1
(schemas/3.0.0-without-$id.json, Apache License 2.0), compressed.
"""

import gzip
import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from typer.testing import CliRunner

from cqrs_demo.contract import golden
from cqrs_demo.contract.events import KINDS, PUBLISHED_BY
from cqrs_demo.contract.format import EventFormat
from cqrs_demo.contract.schemas import newest, released
from cqrs_demo.messaging.asyncapi import document, text
from cqrs_demo.tooling.cli import app

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "tests/fixtures/asyncapi-3.0.0.schema.json.gz"
VERSIONS = [schema for type in KINDS for schema in released(type)]


def test_the_document_in_docs_is_what_the_contract_says() -> None:
    generate = "cqrs-demo contract asyncapi -o docs/asyncapi.json"
    assert (ROOT / "docs/asyncapi.json").read_text() == text(), f"run `{generate}`"


def test_the_document_is_valid_by_asyncapis_own_schema() -> None:
    schema = json.loads(gzip.decompress(SCHEMA.read_bytes()))
    jsonschema.Draft7Validator(schema).validate(document())
    # And the schema would say so if it were not
    wrong = document() | {"operations": {"one": {"action": "shout"}}}
    assert not jsonschema.Draft7Validator(schema).is_valid(wrong)


def test_every_reference_leads_somewhere() -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if "$ref" in value else []
            return own + [ref for inner in value.values() for ref in references(inner)]
        return [ref for inner in value for ref in references(inner)] if type(value) is list else []

    for reference in references(document()):
        found = document()
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_every_type_is_sent_by_one_service_and_received_in_every_version() -> None:
    operations = document()["operations"]
    sent = [
        ref["$ref"]
        for one in operations.values()
        if one["action"] == "send"
        for ref in one["messages"]
    ]
    assert len(sent) == len(set(sent)) == len(KINDS) * len(get_args(EventFormat))
    assert {name.partition(".")[0] for name in operations} >= {s.strip("/") for s in PUBLISHED_BY}
    received = json.dumps(operations["invoice-service.receives.order"])
    assert all(f"order.created.v{version}.json" in received for version in (1, 2))
    assert "order.created.v1" not in json.dumps(operations["order-service.sends.order"])


@pytest.mark.parametrize("schema", VERSIONS, ids=[schema.name for schema in VERSIONS])
def test_a_golden_event_is_what_the_document_says_of_its_version(schema: Any) -> None:
    # Given the payload's schema in the document, and an event as it was written
    told = document()
    key = f"{schema.type}.v{schema.version}"
    body = json.loads(json.loads(golden.file_of(schema).read_text())["json"]["body"])
    body["source"] = "/order-service"
    payload = {"$ref": f"#/components/schemas/{key}", "components": told["components"]}
    # Then it is valid, and without its data it is not
    validator = jsonschema.Draft7Validator(payload)
    validator.validate(body)
    assert not validator.is_valid({name: v for name, v in body.items() if name != "data"})


def test_the_command_prints_it_or_writes_it(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["contract", "asyncapi"]).output == text()
    file = tmp_path / "asyncapi.json"
    assert CliRunner().invoke(app, ["contract", "asyncapi", "-o", str(file)]).exit_code == 0
    assert file.read_text() == text()
    assert newest("order.created").uri in text()
