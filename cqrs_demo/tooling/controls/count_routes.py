"""GET <prefix>/counts: the events of this service by the second in which they were born (counts.py
says what for). Only there with CQRS_WORKSHOP=1."""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, WithJsonSchema

from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.parameters import DIGITS
from cqrs_demo.http.problems import Problem, refusals
from cqrs_demo.http.service import Service
from cqrs_demo.tooling.controls.counts import Born, LogCount, Span, look_at_inbox
from cqrs_demo.tooling.controls.question import Question

HISTORY_WITHIN = 10.0  # seconds; wide buckets are asked for to count a whole history, once
LATEST = 4_102_444_800  # the year 2100
SINCE = "Seconds since the epoch: older events are not among those counted by second."
WIDTH = "Seconds that are counted as one."
OF = "The log, or the inbox of a service that has both. Without it: the log, where there is one."
Side = Literal["log", "inbox"]
Since = Annotated[int, Field(ge=0, le=LATEST), DIGITS, Query(description=SINCE)]
Of = Annotated[Side | None, Query(description=OF)]
Width = Annotated[int, Field(ge=1, le=86_400), DIGITS, Query(description=WIDTH)]

Look = Callable[[Span], Awaitable[tuple[int, Born]]]


# Pairs. As tuples they would be described by a keyword that OpenAPI 3.1 writes in another way.
PAIRS = {
    "type": "array",
    "items": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
}


# Pairs. As tuples they would be described by a keyword that OpenAPI 3.1 writes in another way.
PAIRS = {
    "type": "array",
    "items": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
}


class Counts(BaseModel):
    """`born` has (second, events). `count`: all events in the log; of an inbox, dead letters that
    wait. `at` is the service's clock when it began to count."""

    at: float
    count: int
    born: Annotated[Born, WithJsonSchema(PAIRS)]


def add_counts(router: APIRouter, service: Service) -> None:
    looks: dict[Side, Look] = {}
    if "relay" in service.workers.by_name:
        looks["log"] = LogCount(service.pool).look
    if "consumer" in service.workers.by_name:
        looks["inbox"] = partial(look_at_inbox, service.pool)
    lately = {side: Question(look) for side, look in looks.items()}
    all_of_it = {side: Question(look, within=HISTORY_WITHIN) for side, look in looks.items()}

    @router.get("/counts", response_model=Counts, responses=refusals(404))
    async def counts(since: Since = 0, width: Width = 1, of: Of = None) -> JsonResponse:
        side = of or next(iter(looks))
        if side not in looks:
            raise Problem(404, "not-found", f"this service has no {side}")
        at = time.time()
        told = await (lately if width == 1 else all_of_it)[side].answer(Span(since, width))
        if told is None:
            raise Problem(503, "database-away", "its database does not answer")
        return JsonResponse({"at": at, "count": told[0], "born": told[1]})
