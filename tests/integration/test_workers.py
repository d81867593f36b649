"""The tasks beside the requests are watched: a service without its relay or consumer is not well,
and does not stay."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from cqrs_demo.backoff import Backoff
from cqrs_demo.database import pool_for
from cqrs_demo.http.health import health_routes
from cqrs_demo.http.lifespan import Workers
from cqrs_demo.messaging.connect import broker_for
from cqrs_demo.tooling.runtime.ports import free_port
from tests.fixtures.shop import Databases

BROKEN = """
import asyncio, sys
from cqrs_demo.{module} import {worker}

async def run(self):
    await asyncio.sleep({after})
    raise KeyError("a bug that nobody thought of")

{worker}.run = run
sys.argv = ["cqrs-demo", "serve", "{name}"]
from cqrs_demo.tooling.cli import main
main()
"""
WORKERS = [
    ("order-service", "outbox.relay", "Relay"),
    ("invoice-service", "inbox.consumer", "Consumer"),
]


@pytest.fixture
def environment(databases: Databases) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CQRS_")}
    dsns = {
        f"CQRS_{name.removesuffix('_service').upper()}_DB": dsn
        for name, dsn in databases.dsn.items()
    }
    return (
        clean
        | dsns
        | {
            "CQRS_BROKER_URL": "postgresql://nobody:x@127.0.0.1:1/none",
            "CQRS_PORT": str(free_port()),
        }
    )


@pytest.mark.parametrize(("name", "module", "worker"), WORKERS)
def test_a_service_whose_worker_ends_exits_for_its_supervisor(
    environment: dict[str, str], tmp_path: Path, name: str, module: str, worker: str
) -> None:
    # Given a worker with a bug that its own loop does not survive
    script = BROKEN.format(module=module, worker=worker, after=0.3, name=name)
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", script], env=environment, stdout=log, stderr=log
        )
    # Then the process ends, and says why
    assert process.wait(30) == 1
    assert "a bug that nobody thought of" in (tmp_path / "log").read_text()


class Broken:
    def __init__(self) -> None:
        self.backoff = Backoff("a worker", asyncio.Event())

    async def run(self) -> None:
        raise KeyError("a bug")

    def stop(self) -> None: ...


class Sound(Broken):
    async def run(self) -> None:
        await asyncio.Event().wait()


def test_a_service_whose_worker_has_ended_is_neither_ready_nor_alive(
    databases: Databases, broker_url: str
) -> None:
    async def asked(**workers: Broken) -> dict[str, tuple[int, dict[str, str]]]:
        watched, app = Workers(**workers), FastAPI()
        pool, broker = pool_for(databases.dsn["order_service"], "test"), broker_for(broker_url)
        await pool.open()
        app.include_router(health_routes("/service", pool, "select 1", broker, watched))
        watched.start()
        await asyncio.sleep(0)  # each has run by now, and the broken one has ended
        await asyncio.sleep(0)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://service"
        ) as client:
            answers = {
                path: await client.get(f"/service/{path}")
                for path in ("healthcheck", "healthcheck/live")
            }
        await watched.stop()
        await pool.close()
        await broker.close()
        return {
            path: (answer.status_code, answer.json()["checks"]) for path, answer in answers.items()
        }

    sound = asyncio.run(asked(relay=Sound()))
    assert sound == {
        "healthcheck": (200, {"database": "ok", "broker": "ok", "relay": "ok"}),
        "healthcheck/live": (200, {"relay": "ok"}),
    }

    ended = "ended: KeyError: 'a bug'"
    broken = asyncio.run(asked(relay=Broken()))
    assert broken == {
        "healthcheck": (503, {"database": "ok", "broker": "ok", "relay": ended}),
        "healthcheck/live": (503, {"relay": ended}),
    }
