"""Health checks. Two questions, two routes, and 200 or 503 with each check's word.

GET <prefix>/healthcheck: can it do its work (readiness)? Who routes traffic asks this.
GET <prefix>/healthcheck/live: is the process sound (liveness)? Who restarts it asks this, and
nothing else: a restart does not bring back a database or a broker that is away, and it interrupts
whoever waits for them.
"""

from collections.abc import Awaitable, Callable
from typing import LiteralString

from fastapi import APIRouter
from pydantic import BaseModel

from cqrs_demo.database import Pool
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.lifespan import Workers
from cqrs_demo.http.problems import refusals
from cqrs_demo.http.service import routes
from cqrs_demo.messaging.broker import Broker


class Health(BaseModel):
    status: str
    checks: dict[str, str]


def health_routes(
    prefix: str, pool: Pool, probe: LiteralString, broker: Broker, workers: Workers
) -> APIRouter:
    """`probe` is a query that the service's own database must answer."""
    router = routes(prefix)

    async def database() -> None:
        async with pool.connection(timeout=2) as connection:
            await connection.execute(probe)

    @router.get(
        "/healthcheck", response_model=Health, responses={**refusals(), 503: {"model": Health}}
    )
    async def healthcheck() -> JsonResponse:
        """Ready: every dependency answers, and the service gets on with its work."""
        checks = {"database": await _word(database), "broker": await _word(broker.ping)}
        troubles = {name: w.backoff.trouble or "ok" for name, w in workers.by_name.items()}
        return _health(checks | troubles | workers.ended)

    @router.get(
        "/healthcheck/live", response_model=Health, responses={**refusals(), 503: {"model": Health}}
    )
    async def live() -> JsonResponse:
        """Alive: the tasks beside the requests run. So it stays while database or broker are
        away."""
        return _health(dict.fromkeys(workers.by_name, "ok") | workers.ended)

    return router


def _health(said: dict[str, str]) -> JsonResponse:
    ok = all(word == "ok" for word in said.values())
    body = {"status": "ok" if ok else "unavailable", "checks": said}
    return JsonResponse(body, 200 if ok else 503)


async def _word(check: Callable[[], Awaitable[None]]) -> str:
    try:
        await check()
    except Exception as error:  # whatever it is, the answer to "are you well?" is no, and why
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return "ok"
