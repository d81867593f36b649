"""A log that was written before events told their version is read as it was, without being touched.

tests/fixtures/old_log holds what commit fd603ca, the last before versions, sent from such a log,
and the read model it made of it.
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cqrs_demo.contract.codec import decode
from cqrs_demo.database import connect, pool_for
from cqrs_demo.inbox.handler import apply_once
from cqrs_demo.invoice_service.projections import READ_MODEL
from cqrs_demo.messaging.broker import INVOICE_SERVICE
from cqrs_demo.outbox.feed import Feed, WantedEvents
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from tests.fixtures.shop import Databases, cloned_databases

OLD = Path(__file__).parents[1] / "fixtures/old_log"
LOGS = ("user_service", "order_service")
TABLES = ("invoice_account", "invoice_lines", "invoices", "customer_revenue", "revenue_orders")

WRITE = """
insert into demo.events (sequence, id, type, subject, time, partitionkey, correlationid,
    causationid, data)
overriding system value
values (%s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb)
"""


@pytest.fixture(scope="module")
def databases(migrated: EmbeddedPostgres) -> Iterator[Databases]:
    """The logs, row for row as the old version had written them."""
    with cloned_databases(migrated, *LOGS, "invoice_service") as databases:
        for log in LOGS:
            for line in lines(log):
                event = json.loads(line)
                names = ("id", "type", "subject", "time")
                story = (event.get(n) for n in ("partitionkey", "correlationid", "causationid"))
                data = line.partition(b'"data":')[2][:-1].decode()
                row = (int(event["sequence"]), *(event[n] for n in names), *story, data)
                databases.rows(log, WRITE, *row)
        yield databases


def lines(log: str) -> list[bytes]:
    return (OLD / f"{log}.ndjson").read_bytes().splitlines()


async def feed(dsn: str, source: str) -> list[bytes]:
    async with pool_for(dsn, "test") as pool:
        chunks = [chunk async for chunk in Feed(pool, source).read(WantedEvents(), 0, 1_000)]
    return b"".join(chunks).splitlines()


def test_the_feed_tells_an_old_log_byte_for_byte(databases: Databases) -> None:
    for log in LOGS:
        source = "/" + log.replace("_", "-")
        assert asyncio.run(feed(databases.dsn[log], source)) == lines(log)


async def project(dsn: str, events: list[Any]) -> None:
    async with await connect(dsn, "test") as connection, connection.transaction():
        await apply_once(connection, READ_MODEL, events)


def read_model(databases: Databases) -> str:
    """Every row of every table that has no instant of its own making."""
    rows = [
        f"{table} {row}"
        for table in TABLES
        for (row,) in databases.rows(
            "invoice_service",
            f"select to_jsonb(t)::text as row from demo.{table} as t order by row",
        )
    ]
    return "\n".join(rows) + "\n"


def test_an_old_log_gives_the_read_model_that_it_always_gave(databases: Databases) -> None:
    # Given every event of the old logs that invoice-service wants
    events = [decode(line) for log in LOGS for line in lines(log)]
    wanted = [one for one in events if one.type.partition(".")[0] in INVOICE_SERVICE.topics]
    # When they are projected
    asyncio.run(project(databases.dsn["invoice_service"], wanted))
    # Then the read model is the old one, to the byte
    assert read_model(databases) == (OLD / "read_model.txt").read_text()
