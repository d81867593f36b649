"""What the command services share beside their commands: the log's feed, and the tables compared
with the log."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from cqrs_demo.database import Pool
from cqrs_demo.errors import NotFound
from cqrs_demo.http.answers import NDJSON
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.parameters import After, FeedLimit
from cqrs_demo.http.problems import refusals
from cqrs_demo.http.service import routes
from cqrs_demo.input import DateTime, ShortText
from cqrs_demo.outbox.feed import Feed, WantedEvents
from cqrs_demo.outbox.fold import Fold, verify_fold

HORIZON_HEADER = "X-Log-Horizon"
IDENTITY_HEADER = "X-Log-Id"
DEFAULT_LIMIT = 1_000

EVENTS_ANSWER = {
    "description": "One CloudEvent a line",
    "content": {NDJSON: {"schema": {"type": "string"}}},
    "headers": {
        HORIZON_HEADER: {
            "description": "The answer goes up to this position at the most",
            "schema": {"type": "string"},
        },
        IDENTITY_HEADER: {
            "description": "Which log this is, wherever it is read: made with its database, never "
            "changed",
            "schema": {"type": "string", "format": "uuid"},
        },
    },
}
Limit = Annotated[
    FeedLimit | None,
    Query(description=f"Events at the most: {DEFAULT_LIMIT} unless told, no limit when following."),
]
# Not in OpenAPI: an answer without an end is none that a generated client or test can wait for.
Follow = Annotated[bool, Query(include_in_schema=False)]


class CloudEvent(Response):
    media_type = "application/cloudevents+json"


class Folded(BaseModel):
    table: str
    rows: int
    drift: int
    differences: list[dict[str, Any]]


def log_routes(prefix: str, pool: Pool, source: str, folds: Sequence[Fold]) -> APIRouter:
    router = routes(prefix)
    feed = Feed(pool, source)

    @router.get(
        "/events", response_class=StreamingResponse, responses={200: EVENTS_ANSWER, **refusals()}
    )
    async def events(
        after: After = 0,
        limit: Limit = None,
        type: ShortText | None = None,
        subject: ShortText | None = None,
        correlation: UUID | None = None,
        since: DateTime | None = None,
        until: DateTime | None = None,
        complete: bool = False,
        follow: Follow = False,
    ) -> StreamingResponse:
        """The service's event log from a position on, in log order, as NDJSON.

        Filters: `type`, `subject`, `correlation` (the id of the event that began it all: the
        whole story), and the event's time from `since` (inclusive) to `until`
        (exclusive). With `complete=true` the answer holds whatever was committed before the
        request, or is 503 when a writer takes too long. With `follow=true` the answer does not end:
        new events come as they are committed, and an empty line now and then, which is no event.
        """
        wanted = WantedEvents(type, subject, correlation, since, until)
        horizon = await (feed.complete_horizon() if complete else feed.horizon())
        lines = (
            feed.follow(wanted, after, limit)
            if follow
            else feed.read(wanted, after, horizon, limit or DEFAULT_LIMIT)
        )
        headers = {HORIZON_HEADER: str(horizon), IDENTITY_HEADER: str(await feed.identity())}
        return StreamingResponse(lines, media_type=NDJSON, headers=headers)

    @router.get("/events/{event_id}", response_class=CloudEvent, responses=refusals(404))
    async def event(event_id: UUID) -> CloudEvent:
        """One event of the log, as it goes over the broker."""
        body = await feed.one(event_id)
        if body is None:
            raise NotFound(f"there is no event {event_id} in this log")
        return CloudEvent(body)

    @router.get("/verify", response_model=list[Folded], responses=refusals())
    async def verify() -> JsonResponse:
        """The tables that commands write, compared with what the log adds up to."""
        return JsonResponse([await verify_fold(pool, fold) for fold in folds])

    return router
