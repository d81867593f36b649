"""Real faults, for a system of the notebook's own: a killed process, a broker that cannot be
reached."""

from pathlib import Path
from typing import Protocol

import psutil
import psycopg

from cqrs_demo.client.errors import Refused
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from cqrs_demo.tooling.runtime.rabbitmq_node import RabbitNode
from cqrs_demo.tooling.runtime.system import Folder, find_system


class StoppableBroker(Protocol):
    def stop(self) -> None: ...
    def start(self) -> None: ...


def kill_service(folder: Path, service: str) -> None:
    """As a crash would, with nothing said to anybody. Returns when the process is gone."""
    pid = find_system(folder).services[service].pid
    if pid is None:
        raise Refused(f"{service} does not run at the moment")
    process = psutil.Process(pid)
    process.kill()
    process.wait(timeout=10)


def broker_of(folder: Path) -> StoppableBroker:
    broker = find_system(folder).broker
    if broker is None:
        raise Refused("the system has no broker yet: it is still starting")
    return (
        _Rabbit(RabbitNode(Folder(folder).rabbitmq))
        if broker.kind == "rabbitmq"
        else _Pgmq(EmbeddedPostgres(Folder(folder).postgres))
    )


class _Rabbit:
    """RabbitMQ stops inside its Erlang machine: its port closes, its messages stay on disk, and no
    supervisor interferes."""

    def __init__(self, node: RabbitNode) -> None:
        self._node = node

    def stop(self) -> None:
        self._node.control("stop_app")

    def start(self) -> None:
        self._node.control("start_app")


class _Pgmq:
    """PGMQ's database refuses every connection, while the services' own databases beside it go
    on."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self._dsn = postgres.dsn()

    def stop(self) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as admin:
            admin.execute("alter database broker allow_connections false")
            admin.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = "
                "'broker'"
            )

    def start(self) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as admin:
            admin.execute("alter database broker allow_connections true")
