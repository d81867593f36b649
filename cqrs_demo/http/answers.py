"""The answers the services share: 201 with its headers, a row or 404, lines of JSON."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import WithJsonSchema

from cqrs_demo.errors import NotFound
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.outbox.retries import Accepted

NDJSON = "application/x-ndjson"

Sum = Annotated[Decimal, WithJsonSchema({"type": "number"})]
"""What amounts come to, as an answer has it: a number, and not Decimal's text."""

CREATED_HEADERS: dict[str, Any] = {
    "Location": {"description": "Where the new row is", "schema": {"type": "string"}},
    "X-Event-Id": {
        "description": "The event that tells of it: what after_event waits for",
        "schema": {"type": "string", "format": "uuid"},
    },
    "Idempotent-Replayed": {
        "description": "true when an earlier request with this key made it",
        "schema": {"type": "string"},
    },
}


CHANGED_HEADERS = {name: told for name, told in CREATED_HEADERS.items() if name != "Location"}


def created(accepted: Accepted, fields: Sequence[str], collection: str) -> JsonResponse:
    """201 with these fields of the row, where it is, and the id of its event."""
    row = accepted.row
    headers = {"Location": f"{collection}/{row['id']}", "X-Event-Id": str(row["event_id"])}
    if accepted.replayed:
        headers["Idempotent-Replayed"] = "true"
    return JsonResponse({field: row[field] for field in fields}, 201, headers)


def changed(accepted: Accepted, body: dict[str, Any], event_id: UUID) -> JsonResponse:
    """200 with the body, and the id of the event that tells of the change."""
    headers = {"X-Event-Id": str(event_id)}
    if accepted.replayed:
        headers["Idempotent-Replayed"] = "true"
    return JsonResponse(body, 200, headers)


def found(row: dict[str, Any] | None, what: str) -> JsonResponse:
    """200 with the row. Raises NotFound when there is none."""
    if row is None:
        raise NotFound(f"there is no {what}")
    return JsonResponse(row)
