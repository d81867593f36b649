"""--against: what a Python developer would write today without this project, under the same load,
in the same run.

The peer is two modules in a folder (orders.py, an ASGI app; invoices.py, a consumer; see its
README). It gets a database of its own in the rig's PostgreSQL, and the rig's RabbitMQ. It needs
packages of its own, so it may have a Python of its own.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from cqrs_demo.tooling.bench.accept import USERS
from cqrs_demo.tooling.bench.compare import IN_TURN
from cqrs_demo.tooling.bench.end_to_end import CLIENTS, carry, carry_ours, figure, wait_until_quiet
from cqrs_demo.tooling.bench.figures import Figure, Say, Scale
from cqrs_demo.tooling.bench.load import orders, send
from cqrs_demo.tooling.bench.rig import Rig, RigFailed
from cqrs_demo.tooling.bench.servers import child
from cqrs_demo.tooling.runtime.ports import HOST, free_port

NEEDS = ("fastapi", "uvicorn", "sqlalchemy.ext.asyncio", "psycopg", "faststream.rabbit")
TURNS = 4
ARRIVED = "select coalesce(sum(total), 0)::bigint from peer_invoices"


def check(folder: Path, python: str) -> None:
    """Raises RigFailed, saying what to do, when the peer cannot be run."""
    for name in ("orders.py", "invoices.py", "model.py"):
        if not (folder / name).is_file():
            raise RigFailed(f"{folder} is no peer: it has no {name}")
    tried = subprocess.run(  # noqa: S603  # the caller's own Python
        [python, "-c", f"import {', '.join(NEEDS)}"], capture_output=True, check=False, text=True
    )
    if tried.returncode != 0:
        raise RigFailed(
            f"the peer's packages are not all there for {python}: "
            f"{tried.stderr.strip().splitlines()[-1]}\n"
            "Make it an environment of its own and name its Python:\n"
            "  python3 -m venv peer-venv\n"
            "  peer-venv/bin/pip install fastapi 'uvicorn[standard]' 'sqlalchemy[asyncio]' "
            "'psycopg[binary]' 'faststream[rabbit]'\n"
            f"  cqrs-demo bench --against {folder} --peer-python peer-venv/bin/python"
        )


def measure(rig: Rig, folder: Path, python: str, scale: Scale, say: Say) -> Iterator[Figure]:
    """Needs a rig on RabbitMQ."""
    say("the peer: FastAPI, SQLAlchemy ORM and FastStream")
    with ExitStack() as stack:
        url, dsn = _started(rig, folder, python, stack)
        requests = orders(url, USERS)
        send(
            url, requests, connections=CLIENTS, seconds=min(2, scale.end_to_end_seconds)
        )  # warm-up
        accepted = [
            send(url, requests, connections=32, seconds=scale.seconds) for _ in range(scale.rounds)
        ]
        yield Figure(
            "peer",
            "accept, 32 clients, its consumer at work",
            "requests/s",
            [run.rate for run in accepted],
            "rabbitmq",
        )
        wait_until_quiet(dsn, ARRIVED)
        ours, theirs = [], []
        for _ in range(TURNS):
            ours.append(carry_ours(rig, USERS, scale.end_to_end_seconds / TURNS))
            theirs.append(carry(url, USERS, dsn, ARRIVED, scale.end_to_end_seconds / TURNS))
        yield figure(IN_TURN, ours, "rabbitmq")
        yield figure(f"end to end, 1,000 users, {CLIENTS} clients", theirs, "rabbitmq", "peer")


def _started(rig: Rig, folder: Path, python: str, stack: ExitStack) -> tuple[str, str]:
    """The URL to post to and the DSN of its database."""
    rig.execute("postgres", "create database peer")
    dsn = rig.superuser_dsn("peer")
    environment = {
        **os.environ,
        "DSN": dsn.replace("postgresql://", "postgresql+psycopg://", 1),
        "AMQP": rig.broker_url,
        "PYTHONPATH": str(folder),
    }
    port = free_port()
    serve = [
        python,
        "-m",
        "uvicorn",
        "orders:app",
        "--host",
        HOST,
        "--port",
        str(port),
        "--log-level",
        "warning",
        "--no-access-log",
    ]
    stack.enter_context(child(serve, port, environment))  # it makes the tables
    nothing = subprocess.DEVNULL
    consume = [python, str(folder / "invoices.py")]
    consumer = subprocess.Popen(  # noqa: S603  # the caller's own Python
        consume, env=environment, stdin=nothing, stdout=nothing, stderr=nothing
    )
    stack.callback(consumer.wait)
    stack.callback(consumer.terminate)
    return f"http://{HOST}:{port}/orders", dsn
