"""Workshop controls: pause, resume and step a gate over HTTP. Only there with CQRS_WORKSHOP=1."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from cqrs_demo.http.input import Command
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.problems import Problem, refusals
from cqrs_demo.tooling.workshop.gate import Gate


class Mode(Command):
    mode: Literal["running", "paused"]


class Step(Command):
    count: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 1


class State(BaseModel):
    """The mode, and what relay or consumer has to say besides."""

    model_config = ConfigDict(extra="allow")

    mode: Literal["running", "paused"]


class Moved(State):
    moved: int


def add_controls(
    router: APIRouter, name: str, gate: Gate, state: Callable[[], Awaitable[dict[str, Any]]]
) -> None:
    """GET/PUT <prefix>/<name> and POST <prefix>/<name>/step. `state` adds what there is to say
    besides the mode."""
    turn = asyncio.Lock()  # two steps at once would each count what the other moved

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
