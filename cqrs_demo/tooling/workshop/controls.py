"""Workshop controls: a service whose loops can be paused and stepped over HTTP. Only with
CQRS_WORKSHOP=1."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from cqrs_demo.client.place import PREFIXES
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.lifespan import Worker
from cqrs_demo.http.problems import Problem, refusals
from cqrs_demo.http.service import Service, routes
from cqrs_demo.inbox.consumer import Consumer
from cqrs_demo.input import Input
from cqrs_demo.messaging.broker import BrokerError, Subscriber
from cqrs_demo.outbox.relay import Relay
from cqrs_demo.pace import Pace
from cqrs_demo.settings import Settings
from cqrs_demo.tooling.workshop.damage import add_damage
from cqrs_demo.tooling.workshop.gate import Gate
from cqrs_demo.tooling.workshop.passage_routes import add_passages

DEPTHS_WITHIN = 0.5  # seconds
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
    gates = {"relay": Gate(), "consumer": Gate()}
    service = build(settings, gates)
    router = routes(service.prefix)
    for name, worker in service.workers.by_name.items():
        _add_controls(router, name, gates[name], service, worker)
        add_passages(router, name, gates[name].passages)
    if service.prefix == INVOICE_SERVICE:
        add_damage(router, service.pool)
    service.api.include_router(router)
    return service


def _add_controls(
    router: APIRouter, name: str, gate: Gate, service: Service, worker: Worker
) -> None:
    """GET/PUT <prefix>/<name> and POST <prefix>/<name>/step."""
    turn = asyncio.Lock()  # two steps at once would each count what the other moved
    state = partial(_state, service, worker)

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


async def _state(service: Service, worker: Worker) -> dict[str, Any]:
    """What a relay or a consumer has to say besides its mode."""
    state: dict[str, Any] = {"trouble": worker.backoff.trouble}
    if isinstance(worker, Relay):
        async with service.pool.connection() as connection:
            counted = "select count(*) as outbox from demo.outbox"
            row = await (await connection.execute(counted)).fetchone()
        return {"leading": worker.leading, **state, **(row or {})}
    assert isinstance(worker, Consumer)
    depths = await _depths_now(service, worker.subscriber)
    return {**state, "counts": dict(worker.handler.counts), "queues": depths}


async def _depths_now(service: Service, subscriber: Subscriber) -> dict[str, int] | None:
    """None when the broker does not tell at once: the controls answer also while it is away."""
    try:
        async with asyncio.timeout(DEPTHS_WITHIN):
            return await service.broker.depths(subscriber)
    except (BrokerError, TimeoutError):
        return None
