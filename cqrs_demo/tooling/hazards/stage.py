"""Where hazards are shown: a private PostgreSQL, a private broker and both shops, in a folder that
goes when it is left.

Each service is a process. Lines that a hazard stops lead through a wire: from the client to the
order service, and from the order service to the broker.
"""

import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import httpx
import psycopg

from cqrs_demo.tooling.hazards.orders import CUSTOMERS
from cqrs_demo.tooling.hazards.processes import ShopProcess, naive_program, our_program
from cqrs_demo.tooling.hazards.shops import NAIVE, OURS, ComparedShop
from cqrs_demo.tooling.hazards.waiting import HazardFailed, wait_until
from cqrs_demo.tooling.hazards.wire import HOST, Wire
from cqrs_demo.tooling.runtime.brokers import WAYS, NoBroker
from cqrs_demo.tooling.runtime.migrations import ON_REQUEST, SCHEMAS, migrate
from cqrs_demo.tooling.runtime.ports import free_port
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres, PostgresError
from cqrs_demo.tooling.runtime.rabbitmq_node import RabbitNode, RabbitNodeError, rabbitmq_server

BrokerKind = Literal["pgmq", "rabbitmq"]
Say = Callable[[str], None]


@dataclass
class Stage:
    broker: BrokerKind
    ours: ComparedShop
    naive: ComparedShop
    users_url: str

    @property
    def shops(self) -> tuple[ComparedShop, ComparedShop]:
        return self.ours, self.naive

    def new_customers(self) -> list[int]:
        """Ids of users that both shops know; of the last one no account is open yet."""
        client = self.ours.client
        users = []
        for _ in range(CUSTOMERS + 1):
            person = {"name": "A. Customer", "email": f"{uuid4().hex}@demo.com"}
            users.append(client.post(self.users_url, json=person).raise_for_status().json()["id"])
        for user in users[:-1]:
            for shop in self.shops:
                shop.open_account(user)
        for shop in self.shops:
            shop.wait_until_nothing_moves()
        return users


@contextmanager
def stage(broker: BrokerKind, say: Say) -> Iterator[Stage]:
    """Both shops, running. Raises HazardFailed, NoBroker."""
    if broker == "rabbitmq" and rabbitmq_server() is None:
        raise NoBroker(WAYS)
    folder = Path(tempfile.mkdtemp(prefix="cqrs-hazard-"))
    try:
        with ExitStack() as stack:
            yield _built(broker, folder, stack, say)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _built(broker: BrokerKind, folder: Path, stack: ExitStack, say: Say) -> Stage:
    say(f"starting PostgreSQL{' and RabbitMQ' if broker == 'rabbitmq' else ''}")
    try:
        ground = _Ground(broker, folder, stack)
    except (PostgresError, RabbitNodeError, psycopg.Error, OSError) as error:
        raise HazardFailed(str(error)) from error
    say("starting both shops: three services of ours, two of the naive one")
    ours, users = _ours(ground, folder, stack)
    naive = _naive(ground, folder, stack)
    programs = [users, *(program for shop in (ours, naive) for program in _programs(shop))]
    for program in programs:
        stack.callback(program.kill)
        program.launch()
    for program in programs:
        program.wait_until_it_listens()
    wait_until(lambda: _healthy(ours), "invoice-service to be well", seconds=60)
    return Stage(broker, ours, naive, f"{users.url}/system-api/users")


def _programs(shop: ComparedShop) -> tuple[ShopProcess, ShopProcess]:
    return shop.writer, shop.reader


def _healthy(ours: ComparedShop) -> bool:
    health = f"{ours.reader.url}/invoice-service/healthcheck"
    return ours.client.get(health).status_code == httpx.codes.OK


class _Ground:
    """PostgreSQL with every database, and the broker. `dsn` is a role's own, `admin` the
    superuser's."""

    def __init__(self, broker: BrokerKind, folder: Path, stack: ExitStack) -> None:
        self._postgres = EmbeddedPostgres(folder / "postgres")
        self._passwords = {name: secrets.token_urlsafe(12) for name in (*SCHEMAS, *ON_REQUEST)}
        self._passwords["broker"] = secrets.token_urlsafe(12)
        node = RabbitNode(folder / "rabbitmq") if broker == "rabbitmq" else None
        stack.callback(self._postgres.stop)
        if node is not None:
            stack.callback(node.kill)
        with ThreadPoolExecutor() as pool:
            starts = [pool.submit(self._start, node is None)]
            starts += [pool.submit(node.start)] if node is not None else []
            for start in starts:
                start.result()
        self.broker_url = node.url() if node is not None else self.dsn("broker")

    def _start(self, pgmq: bool) -> None:
        self._postgres.start(free_port())
        databases = [self.dsn(name) for name in (*SCHEMAS, *ON_REQUEST)]
        migrate(self._postgres.dsn(), databases, self.dsn("broker") if pgmq else None)

    def dsn(self, name: str) -> str:
        address = urlsplit(self._postgres.dsn()).netloc.rpartition("@")[2]
        return f"postgresql://{name}:{self._passwords[name]}@{address}/{name}"

    def admin(self, name: str) -> str:
        return urlunsplit(urlsplit(self._postgres.dsn())._replace(path=f"/{name}"))

    def wire(self, url: str, stack: ExitStack) -> tuple[Wire, str]:
        """A wire to where the URL leads, and the URL that leads through it."""
        parts = urlsplit(url)
        wire = Wire((parts.hostname or HOST, parts.port or 5672))
        stack.callback(wire.close)
        credentials = parts.netloc.rpartition("@")[0]
        return wire, urlunsplit(parts._replace(netloc=f"{credentials}@{HOST}:{wire.port}"))


def _ours(ground: _Ground, folder: Path, stack: ExitStack) -> tuple[ComparedShop, ShopProcess]:
    """The shop, and user-service, which no hazard touches."""
    to_broker, through = ground.wire(ground.broker_url, stack)

    def service(name: str, broker_url: str) -> ShopProcess:
        short = name.removesuffix("-service").upper()
        database = {f"CQRS_{short}_DB": ground.dsn(f"{short.lower()}_service")}
        environment = {**database, "CQRS_BROKER_URL": broker_url}
        return our_program(name, environment, folder / f"{name}.log")

    users = service("user-service", ground.broker_url)
    writer = service("order-service", through)
    reader = service("invoice-service", ground.broker_url)
    shop = ComparedShop(
        OURS,
        writer,
        reader,
        _door(writer, stack),
        to_broker,
        "/order-service/orders",
        f"{users.url}/system-api/accounts",
        f"{reader.url}/invoice-service/invoices",
        ground.admin("order_service"),
        ground.admin("invoice_service"),
        ground.broker_url,
    )
    return shop, users


def _naive(ground: _Ground, folder: Path, stack: ExitStack) -> ComparedShop:
    to_broker, through = ground.wire(ground.broker_url, stack)
    dsn = ground.dsn("naive")
    writer = naive_program("orders", dsn, through, folder / "naive-orders.log")
    reader = naive_program("invoices", dsn, ground.broker_url, folder / "naive-invoices.log")
    return ComparedShop(
        NAIVE,
        writer,
        reader,
        _door(writer, stack),
        to_broker,
        "/orders",
        f"{writer.url}/accounts",
        f"{reader.url}/invoices",
        ground.admin("naive"),
        ground.admin("naive"),
        ground.broker_url,
    )


def _door(writer: ShopProcess, stack: ExitStack) -> Wire:
    wire = Wire((HOST, writer.port))
    stack.callback(wire.close)
    return wire
