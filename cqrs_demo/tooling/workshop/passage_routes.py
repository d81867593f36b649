"""GET <prefix>/<point>/passages/{event id}: when an event passed there. Only there with
CQRS_WORKSHOP=1."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel

from cqrs_demo.http.answers import found
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.problems import refusals
from cqrs_demo.tooling.workshop.passages import Passages


class Passage(BaseModel):
    event_id: UUID
    at: AwareDatetime


def add_passages(router: APIRouter, name: str, passages: Passages) -> None:
    @router.get(f"/{name}/passages/{{event_id}}", response_model=Passage, responses=refusals(404))
    async def passage(event_id: UUID) -> JsonResponse:
        """When the event passed. It is remembered for some thousands of events, and not over a
        restart."""
        at = passages.first(event_id)
        return found(
            {"event_id": event_id, "at": at} if at else None,
            f"passage of event {event_id} at the {name}",
        )
