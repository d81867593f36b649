"""What passed lately, and when: of all events in one call, or of one. Only there with
CQRS_WORKSHOP=1."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from cqrs_demo.database import Pool
from cqrs_demo.http.answers import found
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.parameters import DIGITS
from cqrs_demo.http.problems import refusals
from cqrs_demo.inbox.inbox import applied
from cqrs_demo.tooling.controls.gate import HANDLED
from cqrs_demo.tooling.controls.passages import REMEMBERED, Passage, Passages

DEFAULT_LIMIT = 1_000

After = Annotated[
    int,
    Field(ge=0, lt=2**63),
    DIGITS,
    Query(description="Position after which to tell: `last` of the answer before."),
]
Limit = Annotated[
    int,
    Field(ge=1, le=REMEMBERED),
    DIGITS,
    Query(description="Passages at the most: the newest of those asked for."),
]


Ids = Annotated[list[UUID], Query(min_length=1, max_length=100)]


class OnePassage(BaseModel):
    event_id: UUID
    at: AwareDatetime


class Told(OnePassage):
    """Of the relay: `published`. Of a consumer: `received`, then `projected`, `duplicate` (the
    inbox had its id already) or `not-applied` (a dead letter, or of a type that nobody knows)."""

    what: str
    projected_at: AwareDatetime | None = None


class RecentPassages(BaseModel):
    """`began`: when this process started to remember; it tells a restart. `missed`: how many more
    passed after the position asked for."""

    began: AwareDatetime
    last: int
    missed: int
    passages: list[Told]


def add_passages(router: APIRouter, name: str, passages: Passages, pool: Pool) -> None:
    @router.get(f"/{name}/passages", response_model=RecentPassages, responses=refusals())
    async def recent(after: After = 0, limit: Limit = DEFAULT_LIMIT) -> JsonResponse:
        """What passed after a position, oldest first. The newest few thousand are remembered, and
        not over a restart."""
        now = passages.after(after, limit)
        handled = [one.event_id for one in now.passages if one.what == HANDLED]
        projected = await _projected(pool, handled)
        told = {"began": passages.began, "last": now.last, "missed": now.missed}
        return JsonResponse({**told, "passages": _told(now.passages, projected)})

    @router.get(
        f"/{name}/passages/{{event_id}}", response_model=OnePassage, responses=refusals(404)
    )
    async def passage(event_id: UUID) -> JsonResponse:
        """When the event passed for the first time."""
        at = passages.first(event_id)
        return found(
            {"event_id": event_id, "at": at} if at else None,
            f"passage of event {event_id} at the {name}",
        )


def add_received(router: APIRouter, pool: Pool) -> None:
    @router.get("/consumer/received", response_model=list[OnePassage], responses=refusals())
    async def received(event_id: Ids) -> JsonResponse:
        """Since when each of these events is in the inbox; without those that are not. It tells
        what passed before this process began to remember."""
        at = await _projected(pool, event_id)
        return JsonResponse([{"event_id": id, "at": at[id]} for id in at])


async def _projected(pool: Pool, events: Sequence[UUID]) -> dict[UUID, datetime]:
    """Since when each of these counts."""
    if not events:
        return {}
    async with pool.connection() as connection:
        return await applied(connection, events)


def _told(passages: Sequence[Passage], projected: Mapping[UUID, datetime]) -> list[dict[str, Any]]:
    """What a hand was done with is told by what became of it. One event twice in a hand counted at
    its first place."""
    told: list[dict[str, Any]] = []
    counted: set[tuple[UUID, datetime]] = set()
    for one in passages:
        row: dict[str, Any] = {"event_id": one.event_id, "at": one.at, "what": one.what}
        if one.what == HANDLED:
            counts = projected.get(one.event_id)
            row |= {"what": _became(one, counts, counted), "projected_at": counts}
            counted.add((one.event_id, one.at))
        told.append(row)
    return told


def _became(one: Passage, counts: datetime | None, counted: set[tuple[UUID, datetime]]) -> str:
    if counts is None:
        return "not-applied"
    before = one.since is not None and counts < one.since
    return "duplicate" if before or (one.event_id, one.at) in counted else "projected"
