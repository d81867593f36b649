"""Dead letters over HTTP, for the CLI, the dashboard and whoever is on call."""

from base64 import b64encode
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field, model_validator

from cqrs_demo.contract.codec import readable
from cqrs_demo.contract.events import Id
from cqrs_demo.database import Pool
from cqrs_demo.errors import NotFound
from cqrs_demo.http.answers import found
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.parameters import PathId
from cqrs_demo.http.problems import refusals
from cqrs_demo.http.service import routes
from cqrs_demo.inbox import operations
from cqrs_demo.inbox.handler import Effect
from cqrs_demo.inbox.operations import Choice
from cqrs_demo.input import Input, Text

Status = Literal["waiting", "retried", "discarded"]
WhichStatus = Literal["waiting", "retried", "discarded", "all"]
Reason = Annotated[Text | None, Query(max_length=500)]
EventType = Annotated[Text | None, Query(max_length=200)]


class Letter(BaseModel):
    id: int
    queue: str
    event_id: str | None
    event_type: str | None
    reason: str
    failures: int
    status: Status
    first_failed: AwareDatetime
    last_failed: AwareDatetime
    settled_at: AwareDatetime | None
    edited: bool


class WholeLetter(Letter):
    """`body` is the message as text where it is text; `body_base64` is always the exact bytes.
    (What came in Avro is kept in CloudEvents' JSON form, its bytes as `data_base64`; `body` shows
    its data as JSON.) `edited_body` is what was applied in its place. `error` has the stack."""

    error: str
    body: str | None
    body_base64: str
    edited_body: str | None


class Group(BaseModel):
    event_type: str | None
    reason: str
    letters: int
    first_failed: AwareDatetime
    last_failed: AwareDatetime


class Chosen(Input):
    """Some by id, a group by reason and type, or all that wait."""

    ids: Annotated[list[Id], Field(max_length=10_000)] | None = None
    reason: Text | None = None
    event_type: Text | None = None
    all: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.all and self.ids is None and self.reason is None and self.event_type is None:
            raise ValueError("say which: ids, reason, event_type, or all: true")
        return self

    def choice(self) -> Choice:
        return Choice(self.ids, self.reason, self.event_type)


class Edited(Input):
    body: Annotated[Text, Field(min_length=1, description="The whole message, corrected.")]


class RetriedBody(BaseModel):
    applied: int
    failed: int


class DiscardedBody(BaseModel):
    discarded: int


def dead_letter_routes(prefix: str, pool: Pool, projection: Effect) -> APIRouter:
    router = routes(prefix + "/dead-letters")

    @router.get("", response_model=list[Letter], responses=refusals())
    async def list_letters(
        status: WhichStatus = "waiting",
        reason: Reason = None,
        event_type: EventType = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        before: Annotated[int, Query(ge=1, le=2**63 - 1)] = 2**63 - 1,
    ) -> JsonResponse:
        """Newest first. The next page is `before` the last one's id."""
        return JsonResponse(
            await operations.page(
                pool, Choice(None, reason, event_type, _status(status)), before, limit
            )
        )

    @router.get("/groups", response_model=list[Group], responses=refusals())
    async def list_groups(status: WhichStatus = "waiting") -> JsonResponse:
        """How many of which type for which reason, the largest group first."""
        return JsonResponse(await operations.groups(pool, Choice(status=_status(status))))

    @router.get("/{id:int}", response_model=WholeLetter, responses=refusals(404))
    async def show_letter(id: PathId) -> JsonResponse:
        return found(_whole(await operations.one(pool, id)), f"dead letter {id}")

    @router.post("/retry", response_model=RetriedBody, responses=refusals(413))
    async def retry_letters(chosen: Chosen) -> JsonResponse:
        """Apply them now. Those that fail again wait on, with a higher count."""
        retried = await operations.retry(pool, projection, chosen.choice())
        return JsonResponse({"applied": retried.applied, "failed": retried.failed})

    @router.post("/{id:int}/retry", response_model=RetriedBody, responses=refusals(404, 409, 413))
    async def retry_edited_letter(id: PathId, edited: Edited) -> JsonResponse:
        """Apply this body in place of the letter's own, which is kept beside it. The event keeps
        its id. 422 says what is still wrong; then the letter waits as before.

        The log keeps what was published: a later replay makes of it what it always had."""
        if await operations.one(pool, id) is None:
            raise NotFound(f"there is no dead letter {id}")
        await operations.retry_edited(pool, projection, id, edited.body.encode())
        return JsonResponse({"applied": 1, "failed": 0})

    @router.post("/discard", response_model=DiscardedBody, responses=refusals(413))
    async def discard_letters(chosen: Chosen) -> JsonResponse:
        """Give them up. Their rows stay as a record."""
        return JsonResponse({"discarded": await operations.discard(pool, chosen.choice())})

    return router


def _status(which: WhichStatus) -> Status | None:
    return None if which == "all" else which


def _whole(row: dict[str, Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    body: bytes = row["body"]
    known = {name: value for name, value in row.items() if name not in ("digest", "body")}
    edited = row["edited_body"] and row["edited_body"].decode()
    return {
        **known,
        "body": _text(readable(body)),
        "body_base64": b64encode(body).decode(),
        "edited_body": edited,
    }


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
