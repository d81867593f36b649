"""GET <prefix>/counts: the events of this service by the second in which they were born (counts.py
says what for). Only there with CQRS_WORKSHOP=1."""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.parameters import DIGITS
from cqrs_demo.http.problems import Problem, refusals
from cqrs_demo.http.service import Service
from cqrs_demo.tooling.workshop.counts import Born, LogCount, Span, look_at_inbox
from cqrs_demo.tooling.workshop.question import Question

HISTORY_WITHIN = 10.0  # seconds; wide buckets are asked for to count a whole history, once
LATEST = 4_102_444_800  # the year 2100
SINCE = "Seconds since the epoch: older events are not among those counted by second."
WIDTH = "Seconds that are counted as one."
Since = Annotated[int, Field(ge=0, le=LATEST), DIGITS, Query(description=SINCE)]
Width = Annotated[int, Field(ge=1, le=86_400), DIGITS, Query(description=WIDTH)]


class Counts(BaseModel):
    """`born` has (second, events). `count`: all events in the log; in invoice-service, dead letters
    that wait. `at` is the service's clock when it began to count."""

    at: float
    count: int
    born: Born


def add_counts(router: APIRouter, service: Service) -> None:
    look: Callable[[Span], Awaitable[tuple[int, Born]]] = (
        partial(look_at_inbox, service.pool)
        if "consumer" in service.workers.by_name
        else LogCount(service.pool).look
    )
    lately, all_of_it = Question(look), Question(look, within=HISTORY_WITHIN)

    @router.get("/counts", response_model=Counts, responses=refusals())
    async def counts(since: Since = 0, width: Width = 1) -> JsonResponse:
        at = time.time()
        told = await (lately if width == 1 else all_of_it).answer(Span(since, width))
        if told is None:
            raise Problem(503, "database-away", "its database does not answer")
        return JsonResponse({"at": at, "count": told[0], "born": told[1]})
