"""A shop to be broken: three services as processes, a wire before each database and broker, a
ledger, and the oracle."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import httpx
import psycopg
import pytest
from psycopg import sql

from cqrs_demo.messaging.broker import INVOICE_SERVICE
from cqrs_demo.tooling.hazards.wire import HOST, Wire
from tests.faults.load import Client, Ledger, Order, load
from tests.faults.oracle import differences
from tests.faults.processes import Postgres, Service
from tests.faults.reading import reading
from tests.fixtures.shop import Databases, eventually

DATABASE = {
    "user-service": "user_service",
    "order-service": "order_service",
    "invoice-service": "invoice_service",
}
SETTING = {
    "user-service": "CQRS_USER_DB",
    "order-service": "CQRS_ORDER_DB",
    "invoice-service": "CQRS_INVOICE_DB",
}

END_SESSIONS = (
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = "
    "current_database() and pid <> pg_backend_pid()"
)

on_pgmq = pytest.mark.parametrize("own_broker", ["pgmq"], indirect=True)
on_rabbitmq = pytest.mark.parametrize("own_broker", ["rabbitmq"], indirect=True)
"""For faults that have nothing to do with the broker: either will do."""


class BrokerServer(Protocol):
    """The broker's own side, whichever it is: a process to stop, freeze and start again."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class FaultyShop:
    """`to_database[service]` and `to_broker[service]` are the wires; `services[service]` the copies
    of it that run."""

    def __init__(
        self,
        databases: Databases,
        postgres: Postgres,
        broker: BrokerServer,
        broker_url: str,
        folder: Path,
    ) -> None:
        self.databases, self.postgres, self.broker, self.broker_url = (
            databases,
            postgres,
            broker,
            broker_url,
        )
        self._folder = folder
        self.ledger = Ledger()
        address = urlsplit(broker_url)
        self.to_database = {name: Wire((HOST, postgres.port)) for name in DATABASE}
        self.to_broker = {name: Wire((HOST, address.port or 5672)) for name in DATABASE}
        self.services: dict[str, Sequence[Service]] = {
            name: [self.copy_of(name)] for name in DATABASE
        }
        self.client = Client(self.services, self.ledger)
        self.users: list[int] = []
        self.strangers: set[UUID] = set()
        """Events that no service's log knows, because a test made them."""

    @property
    def kind(self) -> str:
        return "rabbitmq" if self.broker_url.startswith("amqp") else "pgmq"

    def copy_of(self, name: str, *, wired: bool = True) -> Service:
        """One more copy of a service, not yet started."""
        dsn, broker_url = self.databases.dsn[DATABASE[name]], self.broker_url
        if wired:
            dsn, broker_url = (
                via(self.to_database[name], dsn),
                via(self.to_broker[name], broker_url),
            )
        environment = {SETTING[name]: dsn, "CQRS_BROKER_URL": broker_url, "CQRS_WORKSHOP": "1"}
        return Service(name, environment, self._folder / f"{name}.log")

    def open(self) -> None:
        for copies in self.services.values():
            for service in copies:
                service.start()
        self.users += [self.client.user() for _ in range(6)]
        for user in self.users:
            self.client.account(user)

    def mend(self) -> None:
        """What a test may have left broken on purpose: wires flow, each service runs, in one
        copy."""
        for wire in (*self.to_database.values(), *self.to_broker.values()):
            wire.flow()
        for name, (first, *others) in self.services.items():
            for service in others:
                service.kill()
            self.services[name] = [first]
            if not first.alive:
                first.start()

    def close(self) -> None:
        self.client.close()
        for copies in self.services.values():
            for service in copies:
                service.kill()
        for wire in (*self.to_database.values(), *self.to_broker.values()):
            wire.close()

    def __getitem__(self, name: str) -> Service:
        return self.services[name][0]

    @contextmanager
    def and_another(self, name: str, copies: int = 1) -> Iterator[list[Service]]:
        """More copies of a service; clients take turns between them all."""
        others = [self.copy_of(name) for _ in range(copies)]
        self.services[name] = [*self.services[name], *others]
        try:
            yield [other.start() for other in others]
        finally:
            self.services[name] = [
                service for service in self.services[name] if service not in others
            ]
            for other in others:
                other.kill()

    def load(self, *, rate: float = 60, clients: int = 6) -> Any:
        return load(self.services, self.ledger, self.users, rate=rate, clients=clients)

    def reading(self) -> Any:
        return reading(self.services, self.ledger)

    def rows(self, service: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What the service's database says to the superuser, who takes no wire."""
        return self.databases.rows(DATABASE[service], query, *parameters)

    def end_sessions(self, service: str) -> None:
        """All sessions of that database, but for the one that asks."""
        self.rows(service, END_SESSIONS)

    def skip_hiding(self) -> None:
        """PGMQ hides what a dead consumer had in hand for ten seconds. Nothing happens in them, so
        a test may let them be over."""
        if self.kind == "pgmq":
            with psycopg.connect(self.broker_url) as connection:
                for queue in INVOICE_SERVICE.topics:
                    connection.execute(
                        sql.SQL("update pgmq.{} set vt = clock_timestamp()").format(
                            sql.Identifier(f"q_{queue}")
                        )
                    )

    def transaction(self, service: str) -> psycopg.Connection:
        """An open transaction in a service's database, as superuser."""
        return psycopg.connect(self.databases.admin[DATABASE[service]])

    def outbox(self, service: str = "order-service") -> int:
        return int(self.rows(service, "select count(*) from demo.outbox")[0][0])

    def promise(self, answer: dict[str, Any]) -> None:
        """Enter an order in the ledger that was answered 201 outside of load()."""
        month = f"{answer['purchase_dt'][:7]}"
        self.ledger.orders[answer["id"]] = Order(
            answer["user_id"], answer["description"], answer["amount"], f"{month}-01T00:00:00Z"
        )

    def after_orders(self, count: int) -> None:
        """Wait until so many more were answered 201."""
        seen = len(self.ledger.orders)
        eventually(lambda: len(self.ledger.orders) >= seen + count, seconds=60)

    def unwell(self, service: str, part: str) -> bool:
        """Whether the health check says that this part is not well, and why."""
        health = self[service].health()
        return health is not None and health["checks"].get(part, "ok") != "ok"

    def retry_dead_letters(self) -> dict[str, int]:
        answer: dict[str, int] = httpx.post(
            f"{self['invoice-service'].url}/dead-letters/retry", json={"all": True}, timeout=30
        ).json()
        return answer

    def invoice(self, user_id: int, month: str) -> dict[str, Any] | None:
        """What the query service answers for a month such as "2025-04"; None when there is no such
        invoice."""
        query = {"user_id": user_id, "year": int(month[:4]), "month": int(month[5:])}
        answer = httpx.get(f"{self['invoice-service'].url}/invoices", params=query, timeout=10)
        return answer.json() if answer.status_code == 200 else None

    def lines(self, *order_ids: int) -> int:
        """How many of these orders stand on an invoice."""
        return int(
            self.rows(
                "invoice-service",
                "select count(*) from demo.invoice_lines where order_id = any(%s)",
                list(order_ids),
            )[0][0]
        )

    def assert_nothing_lost_nothing_doubled(self, *, seconds: float = 60) -> None:
        """The oracle: what was answered 201 is what the read model shows, once each and to the
        cent; nothing is stuck and every service is well. Waits for it up to `seconds`: that is how
        long healing may take."""
        deadline = time.monotonic() + seconds
        while (wrong := differences(self)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not wrong, "\n".join(wrong)


def via(wire: Wire, url: str) -> str:
    """The same database or broker, through the wire."""
    parts = urlsplit(url)
    return urlunsplit(
        parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@{HOST}:{wire.port}")
    )
