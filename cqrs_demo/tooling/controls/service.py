"""Workshop controls: a service whose loops can be paused and stepped over HTTP. Only with
CQRS_WORKSHOP=1."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from cqrs_demo.client.place import PREFIXES
from cqrs_demo.database import Pool
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.lifespan import Worker
from cqrs_demo.http.problems import Problem, refusals
from cqrs_demo.http.service import Service, routes
from cqrs_demo.inbox.consumer import Consumer
from cqrs_demo.input import Input
from cqrs_demo.outbox.relay import Relay
from cqrs_demo.pace import Pace
from cqrs_demo.settings import Settings
from cqrs_demo.tooling.controls.count_routes import add_counts
from cqrs_demo.tooling.controls.damage import add_damage
from cqrs_demo.tooling.controls.gate import HANDLED, Gate
from cqrs_demo.tooling.controls.passage_routes import add_passages, add_received
from cqrs_demo.tooling.controls.question import Question

INVOICE_SERVICE = PREFIXES["invoice-service"]

Build = Callable[[Settings, Mapping[str, Pace]], Service]


class Mode(Input):
    mode: Literal["running", "paused"]


class Step(Input):
    count: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 1


class State(BaseModel):
    """The mode, and what relay or consumer has to say besides."""

    model_config = ConfigDict(extra="allow")

    mode: Literal["running", "paused"]


class Moved(State):
    moved: int


def built_with_controls(build: Build, settings: Settings) -> Service:
    """The service with a gate for each of its loops, and with routes that open and close it."""
    gates = {"relay": Gate("published"), "consumer": Gate("received", HANDLED)}
    service = build(settings, gates)
    router = routes(service.prefix)
    for name, worker in service.workers.by_name.items():
        if name in gates:
            _add_controls(router, name, gates[name], service, worker)
            add_passages(router, name, gates[name].passages, service.pool)
    if "consumer" in service.workers.by_name:
        add_received(router, service.pool)
    add_counts(router, service)
    if service.prefix == INVOICE_SERVICE:
        add_damage(router, service.pool)
    service.api.include_router(router)
    return service


def _add_controls(
    router: APIRouter, name: str, gate: Gate, service: Service, worker: Worker
) -> None:
    """GET/PUT <prefix>/<name> and POST <prefix>/<name>/step."""
    turn = asyncio.Lock()  # two steps at once would each count what the other moved
    state = _state_of(service, worker, gate)

    @router.get(f"/{name}", response_model=State, responses=refusals())
    async def look() -> JsonResponse:
        return JsonResponse({"mode": gate.mode, **await state()})

    @router.put(f"/{name}", response_model=State, responses=refusals(413))
    async def set_mode(body: Mode) -> JsonResponse:
        """Answers when it is so: once paused, nothing moves any more."""
        if body.mode == "running":
            await gate.resume()
        elif not await gate.pause():
            raise Problem(
                503,
                "still-moving",
                f"the {name} has not come to rest yet; broker or database may be away",
                {"Retry-After": "1"},
            )
        return JsonResponse({"mode": gate.mode, **await state()})

    @router.post(f"/{name}/step", response_model=Moved, responses=refusals(409, 413))
    async def step(body: Annotated[Step, Body(default_factory=Step)]) -> JsonResponse:
        """Moves up to `count` messages and says how many moved. Refused while running: they move by
        themselves."""
        if gate.mode == "running":
            raise Problem(409, "not-paused", f"the {name} is running; pause it first")
        async with turn:
            moved = await gate.step(body.count)
        return JsonResponse({"mode": gate.mode, "moved": moved, **await state()})


def _state_of(
    service: Service, worker: Worker, gate: Gate
) -> Callable[[], Awaitable[dict[str, Any]]]:
    """What a relay or a consumer has to say besides its mode. It answers also while database or
    broker are away: what those do not tell at once is None."""
    if isinstance(worker, Relay):
        return partial(_relay_state, worker, gate, Question(partial(_outbox, service.pool)))
    assert isinstance(worker, Consumer)
    depths = Question(partial(service.broker.depths, worker.subscriber))
    return partial(_consumer_state, worker, gate, depths)


async def _relay_state(worker: Relay, gate: Gate, outbox: Question[[], int]) -> dict[str, Any]:
    """`published`: events that the broker has confirmed, since the service started."""
    return {
        "leading": worker.leading,
        "trouble": worker.backoff.trouble,
        "outbox": await outbox.answer(),
        "published": gate.passed,
    }


async def _consumer_state(
    worker: Consumer, gate: Gate, depths: Question[[], dict[str, int]]
) -> dict[str, Any]:
    """`latency`: seconds from commit to projection, of the newest of the last minute."""
    return {
        "trouble": worker.backoff.trouble,
        "counts": dict(worker.handler.counts),
        "queues": await depths.answer(),
        "latency": gate.latest.latency(),
    }


async def _outbox(pool: Pool) -> int:
    async with pool.connection() as connection:
        counted = await connection.execute("select count(*) as rows from demo.outbox")
        row = await counted.fetchone()
    return int(row["rows"]) if row else 0
