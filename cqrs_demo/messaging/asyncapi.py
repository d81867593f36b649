"""The AsyncAPI document: which events there are, who sends them, who receives them, and what is in
them. Made of the contract, so it cannot say anything else.

A channel is a topic. A service sends the newest version of each of its types, and receives every
version that was ever released, in either format.
"""

import json
from importlib.metadata import version
from typing import Any

from cqrs_demo.contract import avro_codec, json_codec
from cqrs_demo.contract.events import KINDS, PUBLISHED_BY
from cqrs_demo.contract.schemas import Schema, all_versions, newest
from cqrs_demo.messaging.broker import SUBSCRIBERS

AVRO_FORMAT = "application/vnd.apache.avro+json;version=1.9.0"
Json = dict[str, Any]

DESCRIPTION = (
    "The events of a small shop, as CloudEvents 1.0: in JSON (structured mode), or in Avro (binary "
    "mode: the attributes in headers, the data in Avro's single-object encoding). A consumer reads "
    "both. On RabbitMQ a topic is a part of the topic exchange `cqrs.events`, and a type its "
    "routing key; on PGMQ it is a topic binding."
)


def document() -> Json:
    """As JSON values."""
    schemas = [schema for type in KINDS for schema in all_versions(type)]
    topics = dict.fromkeys(_topic(schema) for schema in schemas)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "CQRS Demo: events",
            "version": version("cqrs-demo"),
            "description": DESCRIPTION,
            "license": {"name": "MIT"},
        },
        "defaultContentType": json_codec.CONTENT_TYPE,
        "channels": {
            topic: _channel(topic, [s for s in schemas if _topic(s) == topic]) for topic in topics
        },
        "operations": dict([*_sends(), *_receives()]),
        "components": {
            "messages": {
                key: message for schema in schemas for key, message in _messages(schema).items()
            },
            "schemas": {"cloudevent": _envelope("")}
            | {_key(schema): _event(schema) for schema in schemas},
        },
    }


def text() -> str:
    return json.dumps(document(), indent=2) + "\n"


def _channel(topic: str, schemas: list[Schema]) -> Json:
    return {
        "address": f"{topic}.*",
        "description": f"Every event whose type begins with `{topic}.`.",
        "messages": {
            key: {"$ref": f"#/components/messages/{key}"}
            for schema in schemas
            for key in _messages(schema)
        },
    }


def _sends() -> list[tuple[str, Json]]:
    return [
        (f"{source.strip('/')}.sends.{topic}", _operation("send", topic, newest_only=True))
        for source, topics in PUBLISHED_BY.items()
        for topic in topics
    ]


def _receives() -> list[tuple[str, Json]]:
    return [
        (f"{each.name}.receives.{topic}", _operation("receive", topic, newest_only=False))
        for each in SUBSCRIBERS
        for topic in each.topics
    ]


def _operation(action: str, topic: str, *, newest_only: bool) -> Json:
    types = [type for type in KINDS if type.partition(".")[0] == topic]
    schemas = [s for type in types for s in ([newest(type)] if newest_only else all_versions(type))]
    messages = [key for schema in schemas for key in _messages(schema)]
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic}"},
        "messages": [{"$ref": f"#/channels/{topic}/messages/{key}"} for key in messages],
    }


def _messages(schema: Schema) -> Json:
    """The two forms in which such an event travels."""
    told = {"name": schema.type, "title": f"{schema.type}, version {schema.version}"}
    key = _key(schema)
    return {
        f"{key}.json": told
        | {
            "contentType": json_codec.CONTENT_TYPE,
            "payload": {"$ref": f"#/components/schemas/{key}"},
        },
        f"{key}.avro": told
        | {
            "contentType": avro_codec.CONTENT_TYPE,
            "headers": _envelope(avro_codec.PREFIX),
            "payload": {"schemaFormat": AVRO_FORMAT, "schema": json.loads(schema.text)},
        },
    }


def _event(schema: Schema) -> Json:
    data: Json = {
        "type": "object",
        "properties": {field["name"]: _json_schema(field["type"]) for field in schema.fields()},
        "required": [f["name"] for f in schema.fields() if not isinstance(f["type"], list)],
    }
    own = {"type": {"const": schema.type}, "dataschema": {"const": schema.uri}, "data": data}
    return {
        "allOf": [
            {"$ref": "#/components/schemas/cloudevent"},
            {"type": "object", "properties": own, "required": ["data"]},
        ]
    }


def _envelope(prefix: str) -> Json:
    """CloudEvents' attributes: of an object in JSON, or with a prefix as headers."""
    text, time, uuid = {"type": "string"}, {"type": "string", "format": "date-time"}, _uuid()
    attributes: Json = {
        "specversion": {"const": "1.0"},
        "id": uuid,
        "source": {"type": "string", "enum": list(PUBLISHED_BY)},
        "type": text,
        "subject": text | {"description": "The id of what the event is about."},
        "time": time,
        "sequence": text | {"description": "The position in the producer's log."},
        "dataschema": text | {"description": "Absent: the oldest version of the type."},
        "partitionkey": text | {"description": "The user's id."},
        "correlationid": uuid | {"description": "The event that began it all."},
        "causationid": uuid | {"description": "The event that led to this one."},
        "traceparent": text | {"description": "W3C trace context of the request."},
    }
    required = ["specversion", "id", "source", "type", "time", "sequence"]
    return {
        "type": "object",
        "properties": {prefix + name: kind for name, kind in attributes.items()},
        "required": [prefix + name for name in required],
    }


def _uuid() -> Json:
    return {"type": "string", "format": "uuid"}


def _json_schema(type: Any) -> Json:
    """What a value of this Avro type is in JSON. Raises TypeError for one that no schema has had so
    far."""
    match type:
        case ["null", some]:
            return {"anyOf": [_json_schema(some), {"type": "null"}]}
        case "long":
            return {"type": "integer", "format": "int64"}
        case "string":
            return {"type": "string"}
        case {"logicalType": "decimal", "precision": digits, "scale": scale}:
            said = f"Exact: at most {digits} digits, {scale} of them decimals."
            return {"type": "number", "description": said}
        case {"logicalType": "timestamp-micros"}:
            return {"type": "string", "format": "date-time"}
        case {"type": "enum", "symbols": symbols}:
            return {"type": "string", "enum": symbols}
    raise TypeError(f"asyncapi.py does not know what {type} is in JSON; add it")


def _topic(schema: Schema) -> str:
    return schema.type.partition(".")[0]


def _key(schema: Schema) -> str:
    return f"{schema.type}.v{schema.version}"
