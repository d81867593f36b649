"""Replay and verify over HTTP: POST begins one, GET tells how far it is, DELETE stops it."""

from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import AwareDatetime, BaseModel, Field

from cqrs_demo.contract.events import Id
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.problems import refusals
from cqrs_demo.http.service import routes
from cqrs_demo.input import Input
from cqrs_demo.invoice_service.replay.history import History
from cqrs_demo.invoice_service.replay.rebuild import Replayed, replay, replay_user
from cqrs_demo.invoice_service.replay.runs import Action, Run, Runs
from cqrs_demo.invoice_service.replay.verify import PENDING_FOR, Verdict, verify

YesOrNo = Annotated[bool, Field(strict=True)]
FORCE = "Swap, although the logs are others than before, or lack events of the live model."
Force = Annotated[YesOrNo, Field(description=FORCE)]
OVERDUE = "Seconds: a pending event that happened longer ago is overdue."
Seconds = Annotated[int, Field(strict=True, ge=0, le=31_536_000, description=OVERDUE)]


class StartReplay(Input):
    """With a user, that user's rows alone are rebuilt."""

    user_id: Id | None = None
    force: Force = False


class StartVerify(Input):
    """With fix, the rebuilt model is swapped in where there is drift."""

    fix: YesOrNo = False
    force: Force = False
    pending_for: Seconds = PENDING_FOR


class RunStatus(BaseModel):
    kind: str
    state: str
    step: str
    events: int
    position: int
    end: int
    events_per_second: int
    seconds: float
    seconds_left: float | None
    began: AwareDatetime
    error: str | None
    result: dict[str, Any] | None


def run_routes(prefix: str, dsn: str, runs: Runs) -> APIRouter:
    router = routes(prefix)

    @router.post("/replay", status_code=202, response_model=RunStatus, responses=refusals(409, 413))
    async def start_replay(
        body: Annotated[StartReplay, Body(default_factory=StartReplay)],
    ) -> JsonResponse:
        """Rebuild the read model from the logs while it goes on serving. Answers at once; watch it
        at `Location`.

        It fails, with the live model as it was, when a log is another than before or shorter, or
        when events of the live model are in no log; unless `force` is set.
        """
        return _accepted(prefix, runs.start("replay", _replay(dsn, body), body.user_id))

    @router.post("/verify", status_code=202, response_model=RunStatus, responses=refusals(409, 413))
    async def start_verify(
        body: Annotated[StartVerify, Body(default_factory=StartVerify)],
    ) -> JsonResponse:
        """Compare the read model with the logs. Answers at once; watch it at `Location`.
        `result.ok` tells whether all is well."""

        async def action(history: History) -> Verdict:
            return await verify(dsn, history, **body.model_dump())

        return _accepted(prefix, runs.start("verify", action))

    for kind in ("replay", "verify"):
        _add_look_and_stop(router, kind, runs)
    return router


def _replay(dsn: str, body: StartReplay) -> Action:
    async def action(history: History) -> Replayed:
        if body.user_id is None:
            return await replay(dsn, history, force=body.force)
        return await replay_user(dsn, history, body.user_id, force=body.force)

    return action


def _add_look_and_stop(router: APIRouter, kind: str, runs: Runs) -> None:
    @router.get(
        f"/{kind}", name=f"look at {kind}", response_model=RunStatus, responses=refusals(404)
    )
    async def look() -> JsonResponse:
        """The one that runs, else the last."""
        return JsonResponse(runs.last(kind).status())

    @router.delete(
        f"/{kind}", name=f"stop {kind}", response_model=RunStatus, responses=refusals(404)
    )
    async def stop() -> JsonResponse:
        """Stop it, if it runs: the live model stays as it was."""
        return JsonResponse((await runs.stop(kind)).status())


def _accepted(prefix: str, run: Run) -> JsonResponse:
    return JsonResponse(run.status(), 202, {"Location": f"{prefix}/{run.kind}"})
