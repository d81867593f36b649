"""A shop to be written in a notebook, in three functions, and a check that kills each of them at
every line and counts what is lost and what is doubled.

Killed means here what `kill -9` means for the outside: every connection of the function is cut, so
what it had not committed is gone, and no later line of it has an effect. The database is a real
PostgreSQL, and the broker is PGMQ in it. Next: kill_at_line.py.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from inspect import isfunction
from typing import Any
from uuid import uuid4

import pandas as pd
import psycopg

from cqrs_demo.tooling.workshop.kill_at_line import Kill
from cqrs_demo.tooling.workshop.private_systems import PrivateBroker

SCHEMA = """
drop schema if exists demo cascade;
create schema demo;
create table demo.orders (id uuid primary key, description text, amount numeric(12, 2));
create table demo.events (
    position bigint generated always as identity primary key, order_id uuid, amount numeric(12, 2)
);
create table demo.outbox (position bigint primary key);
create table demo.inbox (position bigint primary key);
create table demo.invoice (total numeric(12, 2) not null);
insert into demo.invoice values (0);
select pgmq.create('orders');
select pgmq.purge_queue('orders')
"""

AMOUNTS = (Decimal(1), Decimal(10))
"""Of the two orders of each run: the digits of the invoice's total say how often each is in it."""

MOST = 300  # lines that a function may run: it is to come to an end


@dataclass(frozen=True)
class Message:
    """What the broker delivers: an event's position in the log, and its amount."""

    tag: int
    position: int
    amount: Decimal


class Broker:
    """PGMQ. What is not acknowledged is delivered again."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def publish(self, position: int, amount: Decimal) -> None:
        """Returns when the broker has stored it."""
        body = f'{{"position": {position}, "amount": "{amount}"}}'
        self._connection.execute("select pgmq.send('orders', %s::jsonb)", [body])

    def receive(self) -> list[Message]:
        """All that wait, oldest first."""
        read = "select msg_id, message from pgmq.read('orders', 0, 100) order by msg_id"
        return [
            Message(tag, body["position"], Decimal(body["amount"]))
            for tag, body in self._connection.execute(read).fetchall()
        ]

    def acknowledge(self, message: Message) -> None:
        """The broker forgets it."""
        self._connection.execute("select pgmq.delete('orders', %s::bigint)", [message.tag])


@dataclass(frozen=True)
class Report:
    """`kills` has a row for each: before which line, and what that cost. `left` is what is still in
    the outbox and in the queue after a run that was not killed."""

    kills: pd.DataFrame
    left: int

    @property
    def lost(self) -> int:
        return int(self.kills["lost"].sum())

    @property
    def doubled(self) -> int:
        return int(self.kills["doubled"].sum())

    def judge(self) -> None:
        """Raises AssertionError with the first line that it did not survive."""
        for before, lost, doubled in self.kills.itertuples(index=False):
            what = "lost" if lost else "counted twice"
            assert not lost + doubled, f"killed before `{before}`: an order is {what}"
        assert not self.left, f"{self.left} rows or messages are left that are dealt with"

    def __repr__(self) -> str:
        return str(self.kills.to_string(index=False))

    def _repr_html_(self) -> str:
        with pd.option_context("display.max_colwidth", None):  # lines are shown whole
            return str(self.kills.to_html(index=False))


Place = Callable[[Any, dict[str, Any]], object]
Move = Callable[[Any, Broker], object]


class Workbench:
    """It ends with the notebook. Raises DidNotStart."""

    _open: "Workbench | None" = None

    def __init__(self) -> None:
        self._dsn = PrivateBroker("pgmq").url

    @classmethod
    def open(cls) -> "Workbench":
        if cls._open is None:
            cls._open = cls()
        return cls._open

    def kill_place_order(self, place_order: Place) -> Report:
        """One order is placed by a function that is right, and then one by this one."""

        def run(kill: Kill) -> None:
            self._do(place_order_right, None, _order(0))
            self._do(place_order, kill, _order(1))

        return self._at_every_line(run, relay_right, consume_right)

    def kill_relay(self, relay: Move) -> Report:
        """Two orders are in the outbox. The relay is killed, and started again."""

        def run(kill: Kill) -> None:
            for number in range(2):
                self._do(place_order_right, None, _order(number))
            self._do(relay, kill)

        return self._at_every_line(run, relay, consume_right)

    def kill_consumer(self, consume: Move) -> Report:
        """Two messages are in the queue. The consumer is killed, and started again."""

        def run(kill: Kill) -> None:
            for number in range(2):
                self._do(place_order_right, None, _order(number))
            self._do(relay_right, None)
            self._do(consume, kill)

        return self._at_every_line(run, relay_right, consume)

    def _at_every_line(self, run: Callable[[Kill], None], relay: Move, consume: Move) -> Report:
        """Kill at the first line, at the second, …, until the function ends before it is killed."""
        rows: list[tuple[str, int, int]] = []
        for line in range(1, MOST):
            self._begin()
            kill = Kill(line, MOST)
            run(kill)
            self._do(relay, None)
            self._do(consume, None)
            rows.append(self._counted(kill.before))
            if kill.before is None:
                break
        kills = pd.DataFrame(rows, columns=["killed before", "lost", "doubled"])
        return Report(kills, self._left())

    def _begin(self) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            for statement in SCHEMA.split(";\n"):
                connection.execute(statement)

    def _do(self, function: Callable[..., object], kill: Kill | None, *given: object) -> None:
        """As a process of its own would: with connections that end with it."""
        assert isfunction(function), f"a function is wanted, and this is {function!r}"
        options = "-c search_path=demo"
        db = psycopg.connect(self._dsn, autocommit=True, options=options)
        broker = psycopg.connect(self._dsn, autocommit=True)
        try:
            arguments = given or (Broker(broker),)
            if kill is None:
                Kill(None, MOST).during(function, db, *arguments)
            else:
                kill.connections = (db, broker)
                kill.during(function, db, *arguments)
        finally:
            with suppress(psycopg.Error):
                db.close()
                broker.close()

    def _counted(self, before: str | None) -> tuple[str, int, int]:
        """Of the orders that are stored; one that was placed without a kill must be."""
        with psycopg.connect(self._dsn) as connection:
            row = connection.execute("select total from demo.invoice").fetchone()
            stored = connection.execute("select amount from demo.orders").fetchall()
        total = int(row[0]) if row else 0
        lost = doubled = 0
        for amount in AMOUNTS:
            times, wanted = total // int(amount) % 10, before is None or (amount,) in stored
            lost += int(wanted and times == 0)
            doubled += max(0, times - int(wanted))
        return before or "(not killed)", lost, doubled

    def _left(self) -> int:
        query = "select (select count(*) from demo.outbox) + (select count(*) from pgmq.q_orders)"
        with psycopg.connect(self._dsn) as connection:
            row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0


def _order(number: int) -> dict[str, Any]:
    return {"id": uuid4(), "description": f"Order {number}", "amount": AMOUNTS[number]}


# What stands in for the parts that are not under test.


def place_order_right(db: Any, order: dict[str, Any]) -> None:
    with db.transaction():
        db.execute("insert into orders values (%(id)s, %(description)s, %(amount)s)", order)
        event = "insert into events (order_id, amount) values (%(id)s, %(amount)s)"
        position = db.execute(event + " returning position", order).fetchone()
        db.execute("insert into outbox values (%s)", position)


def relay_right(db: Any, broker: Broker) -> None:
    waiting = "select position, amount from outbox join events using (position) order by position"
    for position, amount in db.execute(waiting).fetchall():
        broker.publish(position, amount)
        db.execute("delete from outbox where position = %s", [position])


def consume_right(db: Any, broker: Broker) -> None:
    for message in broker.receive():
        with db.transaction():
            claim = "insert into inbox values (%s) on conflict do nothing"
            if db.execute(claim, [message.position]).rowcount:
                db.execute("update invoice set total = total + %s", [message.amount])
        broker.acknowledge(message)
