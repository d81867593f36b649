"""What the two command services share beside their commands: the log's feed, the relay's controls, the health check."""

from fastapi import APIRouter, Response

from cqrs_demo.database import Pool
from cqrs_demo.http.answers import NDJSON, ndjson
from cqrs_demo.http.controls import add_controls
from cqrs_demo.http.input import After, FeedLimit
from cqrs_demo.http.problems import refusals
from cqrs_demo.http.service import add_healthcheck, routes
from cqrs_demo.messaging.broker import Broker
from cqrs_demo.outbox.feed import read_log
from cqrs_demo.outbox.relay import Relay


def outbox_routes(prefix: str, pool: Pool, broker: Broker, relay: Relay, *, workshop: bool) -> APIRouter:
    router = routes(prefix)

    @router.get("/events", responses={200: {"content": {NDJSON: {}}, "description": "One CloudEvent a line"}, **refusals()})
    async def events(after: After = 0, limit: FeedLimit = 1000) -> Response:
        """The service's event log from a position on, in log order."""
        return ndjson(await read_log(pool, relay.source, after, limit))

    async def database() -> None:
        async with pool.connection(timeout=2) as connection:
            await connection.execute("select from demo.outbox limit 1")

    async def relay_check() -> str | None:
        return relay.trouble

    add_healthcheck(router, {"database": database, "broker": broker.ping, "relay": relay_check})
    if workshop:

        async def relay_state() -> dict[str, object]:
            async with pool.connection() as connection:
                row = await (await connection.execute("select count(*) as outbox from demo.outbox")).fetchone()
            return {"leading": relay.leading, "trouble": relay.trouble, **(row or {})}

        add_controls(router, "relay", relay.gate, relay_state)
    return router
