"""A shop as a scenario sees it: what a client can ask of it, and what can be done to it.

Both shops have the same calls, so that a scenario is one function, run once for each. What differs
between them stands in OURS and NAIVE: names of tables and queues.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import psycopg
from psycopg import sql

from cqrs_demo.tooling.hazards import depths
from cqrs_demo.tooling.hazards.oracle import Invoices, month_of
from cqrs_demo.tooling.hazards.orders import PlannedOrder
from cqrs_demo.tooling.hazards.processes import ShopProcess
from cqrs_demo.tooling.hazards.waiting import wait_until
from cqrs_demo.tooling.hazards.wire import HOST, Wire

HOME = {"address1": "123 Main St", "city": "Cityville", "state": "ST", "zip": "12345"}

_WAIT_FOR_LOCKS = """
select count(*) from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock'
"""
_AT_WORK = """
select count(*) from pg_stat_activity
where datname = current_database() and usename <> current_user and state <> 'idle'
    and wait_event_type is distinct from 'Lock'
"""


@dataclass(frozen=True)
class Anatomy:
    """`busy_row` is the table of which an order needs its customer's row; `customers` the one that
    an account is written to. `side_by_side`: its consumer works on many messages at once, where
    ours takes one batch after the other."""

    name: str
    orders: sql.Identifier
    busy_row: sql.Identifier
    customers: sql.Identifier
    queues: tuple[str, ...]
    side_by_side: bool


_ACCOUNT = sql.Identifier("demo", "invoice_account")
OURS = Anatomy(
    "ours",
    sql.Identifier("demo", "orders"),
    _ACCOUNT,
    _ACCOUNT,
    ("user", "account", "order"),
    side_by_side=False,
)
NAIVE = Anatomy(
    "naive",
    sql.Identifier("public", "orders"),
    sql.Identifier("public", "invoices"),
    sql.Identifier("public", "customers"),
    ("naive_invoices",),
    side_by_side=True,
)


@dataclass
class ComparedShop:
    """`writer` takes orders, `reader` builds invoices; `door` is the line from the client to the
    writer, `to_broker` the one from the writer to the broker. The DSNs are the superuser's."""

    anatomy: Anatomy
    writer: ShopProcess
    reader: ShopProcess
    door: Wire
    to_broker: Wire
    orders_path: str
    accounts_url: str
    invoices_url: str
    orders_dsn: str
    invoices_dsn: str
    broker_url: str
    answered: set[PlannedOrder] = field(default_factory=set)
    """The orders of this hazard that were answered 201."""

    def __post_init__(self) -> None:
        # A connection for each request: one that is kept may be dead since the last fault.
        self.client = httpx.Client(timeout=30, limits=httpx.Limits(max_keepalive_connections=0))

    # What a client does.

    def open_account(self, user_id: int) -> None:
        answer = self.client.post(self.accounts_url, json={"user_id": user_id, **HOME})
        answer.raise_for_status()

    def place(self, order: PlannedOrder, *, tries: int = 1) -> dict[str, str] | None:
        """The headers of the 201; None when no try was answered."""
        body = {
            "user_id": order.user_id,
            "description": order.description,
            "amount": float(order.amount),  # the text of it is exact: at most two decimals
            "purchase_dt": order.purchase_dt,
        }
        url = f"http://{HOST}:{self.door.port}{self.orders_path}"
        for _ in range(tries):
            try:
                answer = self.client.post(url, json=body, headers={"Idempotency-Key": order.key})
            except httpx.TransportError:
                continue  # no answer: nobody knows what became of it
            answer.raise_for_status()
            self.answered.add(order)
            return dict(answer.headers)
        return None

    def place_all(self, orders: Sequence[PlannedOrder]) -> None:
        """As fast as they are answered."""
        for order in orders:
            self.place(order)

    def place_calmly(self, orders: Sequence[PlannedOrder]) -> None:
        """Each when the one before is on its invoice, so that nothing but the fault can do harm."""
        for order in orders:
            self.place(order)
            wait_until(partial(self.shows, order), f"an order in the {self.anatomy.name} shop")

    def invoice(self, user_id: int, year: int, month: int, **more: Any) -> dict[str, Any] | None:
        """None when there is none."""
        query = {"user_id": user_id, "year": year, "month": month, **more}
        answer = self.client.get(self.invoices_url, params=query)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def shows(self, order: PlannedOrder, **more: Any) -> bool:
        invoice = self.invoice(*month_of(order), **more)
        lines = invoice["orders"] if invoice else []
        return order.description in {line["description"] for line in lines}

    # What the oracle asks.

    def accepted(self, orders: Sequence[PlannedOrder]) -> list[PlannedOrder]:
        """Those answered 201 or committed."""
        query = sql.SQL("select description from {} where user_id = any(%s)")
        users = list({order.user_id for order in orders})
        with psycopg.connect(self.orders_dsn) as connection:
            rows = connection.execute(query.format(self.anatomy.orders), [users]).fetchall()
        committed = {description for (description,) in rows}
        return [o for o in orders if o in self.answered or o.description in committed]

    def invoices(self, orders: Sequence[PlannedOrder]) -> Invoices:
        return {month: self.invoice(*month) for month in sorted(map(month_of, orders))}

    # What can be done to it.

    @contextmanager
    def row_held(self, user_id: int) -> Iterator[None]:
        """Somebody else has the row that this customer's orders need, for the time of the block."""
        query = sql.SQL("select from {} where user_id = %s for update")
        with psycopg.connect(self.invoices_dsn) as connection:
            connection.execute(query.format(self.anatomy.busy_row), [user_id])
            yield
            connection.rollback()

    @contextmanager
    def customers_held(self) -> Iterator[None]:
        """No customer can be written for the time of the block; they can be read."""
        query = sql.SQL("lock table {} in share mode").format(self.anatomy.customers)
        with psycopg.connect(self.invoices_dsn) as connection:
            connection.execute(query)
            yield
            connection.rollback()

    def wait_until_in_hand(self, messages: int) -> None:
        """Until the consumer has so many messages in hand, and waits for what is held."""
        hands = messages if self.anatomy.side_by_side else 1
        wait_until(
            lambda: self._count(_WAIT_FOR_LOCKS) >= hands,
            f"the {self.anatomy.name} consumer to wait for a lock",
        )

    def wait_until_nothing_moves(self) -> None:
        """Until every message is applied, or waits for what is held. Looked at twice: between two
        steps of its work a consumer seems to rest, too."""
        for _ in range(2):
            wait_until(self._at_rest, f"the {self.anatomy.name} consumer to come to rest")
            time.sleep(0.05)

    def _at_rest(self) -> bool:
        if not self.anatomy.side_by_side and self._count(_WAIT_FOR_LOCKS):
            return True  # the batch in hand is waited for; what else there is stays in the queue
        queued = depths.waiting(self.broker_url, self.anatomy.queues)
        return queued == 0 and self._count(_AT_WORK) == 0

    def show_hidden_messages(self) -> None:
        depths.show_again(self.broker_url, self.anatomy.queues)

    def last_bytes_of_publishing(self, order: PlannedOrder) -> bytes:
        """What the writer sends when, with that, the broker has the event. On PGMQ our relay
        publishes in a transaction, and the naive shop in one statement."""
        pgmq = not self.broker_url.startswith("amqp")
        return b"COMMIT" if pgmq and self.anatomy is OURS else order.description.encode()

    def committed(self, order: PlannedOrder) -> bool:
        return bool(self.accepted([order]))

    def _count(self, query: str) -> int:
        with psycopg.connect(self.invoices_dsn) as connection:
            row = connection.execute(query.encode()).fetchone()
        return int(row[0]) if row else 0
