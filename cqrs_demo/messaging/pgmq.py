"""PGMQ behind the port: message queues as tables in a PostgreSQL database of their own, driven
through PGMQ's SQL functions.

A message that is read stays in its table, invisible for VISIBILITY seconds; acknowledging deletes
it, and a consumer that dies simply lets the time pass. `read_ct` counts the reads. The schema is
installed by runtime/migrations.py. A NOTIFY per published batch wakes the consumers; a slow poll is
the net under it. Sibling: rabbitmq.py.

(On Windows psycopg wants a SelectorEventLoop, which is what uvicorn runs.)
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import LiteralString

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.conninfo import make_conninfo

from cqrs_demo.messaging.broker import QUEUES, BrokerUnavailable, Delivery, Message, PublishFailed

VISIBILITY = 10
"""Seconds a message stays hidden from others once it is read. A consumer that needs longer gets
company, and the inbox the duplicate."""

# seconds; finds what no NOTIFY tells of: a dead consumer's messages, and rows somebody sent by hand
_POLL = 0.5
_ANSWER = 10.0  # seconds a call may take
_WAKE = "cqrs.events"  # the NOTIFY channel

_ROUTING_KEY = re.compile(
    r"(?=.{1,255}$)[\w-]+(\.[\w-]+)*", re.ASCII
)  # what PGMQ takes for one; anything else ends its transaction

_LIMITS = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}

_COMPLETE = """
    select bool_and(
        to_regclass('pgmq.q_' || queue) is not null
        and exists (select from pgmq.topic_bindings b where b.queue_name = queue and b.pattern = queue || '.*')
    )
    from unnest(%s::text[]) as queue
"""
_SEND = "select count(*) from pgmq.send_batch_topic(%s, %b::text[]::jsonb[])"
_NOT_JSON = "select position - 1 from unnest(%s::text[]) with ordinality as t (body, position) where not pg_input_is_valid(body, 'jsonb')"
_DEPTHS = (
    "select queue, (pgmq.metrics(queue)).queue_visible_length from unnest(%s::text[]) as queue"
)
_DELETE = "select count(*) from pgmq.delete(%s, %s::bigint[])"
_SHOW_AGAIN = "select count(*) from pgmq.set_vt(%s, %s::bigint[], 0)"
_NOTIFY = "select pg_notify(%s, '')"


class PgmqBroker:
    """The port on PGMQ. `url` is a DSN of the broker's own database, as the role that owns it.

    A body must be JSON: it is kept as jsonb, so it comes back equal, not byte for byte (keys may
    change places).
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = _Session(url)

    async def declare(self) -> None:
        async with self._session.connection() as connection:
            if await _value(connection, _COMPLETE, [list(QUEUES)]):
                return
            async with connection.transaction():
                for queue in (
                    QUEUES
                ):  # each create takes PGMQ's lock on that queue: two processes at once do no harm
                    await connection.execute("select pgmq.create(%s)", [queue])
                    await connection.execute(
                        "select pgmq.bind_topic(%s, %s)", [f"{queue}.*", queue]
                    )

    async def publish(self, messages: Sequence[Message]) -> None:
        good, bad = _split(
            messages, (i for i, message in enumerate(messages) if not _is_text(message.body))
        )
        try:
            homeless = await self._send(good)
        # nothing was sent; PostgreSQL is the one who can say which body it does not take as JSON
        except psycopg.DataError:
            good, more = _split(good, await self._not_json(good))
            bad += more
            homeless = await self._send(good)
        if bad or homeless:
            confirmed = frozenset(message.message_id for message in good) - {
                message.message_id for message in (*homeless, *bad)
            }
            raise PublishFailed(_complaint(bad, homeless), confirmed, unroutable=bool(homeless))

    async def _send(self, messages: Sequence[Message]) -> list[Message]:
        """Send all in one transaction, save those no queue is bound for, which are returned. Raises
        psycopg.DataError."""
        strange = [
            message for message in messages if not _ROUTING_KEY.fullmatch(message.routing_key)
        ]
        runs = _runs(message for message in messages if _ROUTING_KEY.fullmatch(message.routing_key))
        async with (
            self._session.connection() as connection,
            connection.transaction(),
            connection.pipeline(),
        ):
            sent = [
                await connection.execute(
                    _SEND, [run[0].routing_key, [m.body.decode() for m in run]], prepare=True
                )
                for run in runs
            ]
            await connection.execute(_NOTIFY, [_WAKE], prepare=True)
            counts = [await cursor.fetchone() for cursor in sent]
        return strange + [
            message
            for run, count in zip(runs, counts, strict=True)
            if count == (0,)
            for message in run
        ]

    async def _not_json(self, messages: Sequence[Message]) -> list[int]:
        async with self._session.connection() as connection:
            cursor = await connection.execute(
                _NOT_JSON, [[message.body.decode() for message in messages]]
            )
            return [int(position) for (position,) in await cursor.fetchall()]

    async def subscribe(self, queues: Sequence[str], prefetch: int) -> "PgmqSubscription":
        """PGMQ hands out only what is asked for, so nothing is ever held in advance and `prefetch`
        changes nothing."""
        subscription = PgmqSubscription(self._url, queues)
        await subscription.open()
        return subscription

    async def depths(self) -> dict[str, int]:
        async with self._session.connection() as connection:
            cursor = await connection.execute(_DEPTHS, [list(QUEUES)], prepare=True)
            return {str(queue): int(ready) for queue, ready in await cursor.fetchall()}

    async def ping(self) -> None:
        async with self._session.connection() as connection:
            await connection.execute("select 1")

    async def close(self) -> None:
        await self._session.close()


class PgmqSubscription:
    """See Subscription. One connection, which reads, acknowledges and listens for the wake-up."""

    def __init__(self, url: str, queues: Sequence[str]) -> None:
        # A crash of the database may forget the newest reads and deletes: those messages come
        # again, as the port allows.
        self._session = _Session(url, options="-c synchronous_commit=off")
        self._queues = list(queues)
        self._read_query = _read_query(len(self._queues))
        self._unsettled: dict[str, set[int]] = {queue: set() for queue in queues}
        # when to read next, should no NOTIFY come before: an idle subscription costs two reads a
        # second
        self._look_again = 0.0

    async def open(self) -> None:
        """Raises BrokerUnavailable, also when a queue is missing."""
        async with self._session.connection() as connection:
            await connection.execute(_DEPTHS, [self._queues])
            await connection.execute(sql.SQL("listen {}").format(sql.Identifier(_WAKE)))

    async def receive(self, most: int, wait: float) -> Sequence[Delivery]:
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait
        while True:
            async with self._session.connection(reconnect=False) as connection:
                if wait <= 0 or clock() >= self._look_again:
                    deliveries = await self._read(connection, most)
                    if deliveries or wait <= 0:
                        return deliveries
                    self._look_again = clock() + _POLL
                async for _ in connection.notifies(
                    timeout=max(min(deadline, self._look_again) - clock(), 0), stop_after=1
                ):
                    self._look_again = 0.0
            if clock() >= deadline:
                return []

    async def _read(self, connection: AsyncConnection, most: int) -> list[Delivery]:
        cursor = await connection.execute(
            self._read_query,
            {"visibility": VISIBILITY, "most": most, "queues": self._queues},
            prepare=True,
        )
        deliveries = [
            Delivery(queue, body.encode(), reads - 1, tag)
            for queue, tag, reads, body in await cursor.fetchall()
        ]
        self._queues.append(
            self._queues.pop(0)
        )  # the next read begins with another queue, so that a full one starves none
        for delivery in deliveries:
            self._unsettled[delivery.queue].add(delivery.tag)
        return deliveries

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        await self._settle(_DELETE, _tags(deliveries))

    async def requeue(self, deliveries: Sequence[Delivery]) -> None:
        await self._settle(_SHOW_AGAIN, _tags(deliveries), wake=True)

    async def _settle(
        self, statement: LiteralString, tags: dict[str, list[int]], *, wake: bool = False
    ) -> None:
        async with self._session.connection(reconnect=False) as connection, connection.pipeline():
            for queue, numbers in tags.items():
                await connection.execute(statement, [queue, numbers], prepare=True)
            if wake:
                await connection.execute(_NOTIFY, [_WAKE])
        for queue, numbers in tags.items():
            self._unsettled[queue].difference_update(numbers)

    async def drain(self) -> Sequence[Delivery]:
        return []

    async def close(self) -> None:
        held = {queue: sorted(tags) for queue, tags in self._unsettled.items() if tags}
        with suppress(BrokerUnavailable):  # then they show up again by themselves
            if held:
                await self._settle(_SHOW_AGAIN, held, wake=True)
        await self._session.close()


class _Session:
    """One connection, made at the first need. Each use of it is bounded in time, and what fails
    comes out as BrokerUnavailable."""

    def __init__(self, url: str, options: str = "") -> None:
        self._url = url
        self._options = options
        self._connection: AsyncConnection | None = None
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def connection(self, *, reconnect: bool = True) -> AsyncIterator[AsyncConnection]:
        """The connection, for one user at a time. A psycopg.DataError passes: the connection is
        sound, the data was not."""
        async with self._turn:
            try:
                connection = await self._open(reconnect)
                limit = asyncio.get_running_loop().call_later(_ANSWER, _cut, connection)
                try:
                    yield connection
                finally:
                    limit.cancel()
            except psycopg.DataError:
                raise
            except psycopg.Error as error:
                await self._drop()
                raise BrokerUnavailable(f"PGMQ: {_cause(error)}") from error
            except (
                BaseException
            ):  # cancelled half-way: nobody knows what is still under way on this connection
                await self._drop()
                raise

    async def _open(self, reconnect: bool) -> AsyncConnection:
        if self._connection is not None and not self._connection.closed:
            return self._connection
        if self._connection is not None and not reconnect:
            raise psycopg.OperationalError("the connection is lost")
        self._connection = await AsyncConnection.connect(
            make_conninfo(
                self._url, application_name="cqrs-demo", options=self._options, **_LIMITS
            ),
            autocommit=True,
        )
        return self._connection

    async def _drop(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def close(self) -> None:
        async with self._turn:
            await self._drop()


def _cut(connection: AsyncConnection) -> None:
    """End a connection that does not answer, so that whoever waits on it fails now. (Cancelling
    would wait for its answer first.)"""
    if not connection.closed:
        line = socket.socket(fileno=connection.pgconn.socket)
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
        line.detach()


def _cause(error: psycopg.Error) -> str:
    said = error.diag.message_primary or " ".join(str(error).split())
    if isinstance(error, psycopg.errors.UndefinedTable) and "pgmq.q_" in said:
        return f"a queue is missing, declare() makes it: {said}"
    if isinstance(
        error,
        psycopg.errors.UndefinedTable
        | psycopg.errors.InvalidSchemaName
        | psycopg.errors.UndefinedFunction,
    ):
        return f"it is not installed in this database, `cqrs-demo migrate` does that: {said}"
    return said


async def _value(
    connection: AsyncConnection, query: LiteralString, parameters: list[object]
) -> object:
    row = await (await connection.execute(query, parameters)).fetchone()
    return row[0] if row else None


def _read_query(queues: int) -> sql.Composed:
    """Up to `most` messages from several queues in one round trip: each queue is asked for what
    those before it left open."""
    reads: list[sql.Composable] = []
    left: sql.Composable = sql.SQL("%(most)s::int")
    for place in range(queues):
        name, queue = (
            sql.Identifier(f"r{place}"),
            sql.SQL("(%(queues)s::text[])[{}]").format(place + 1),
        )
        reads.append(
            sql.SQL(
                "{} as (select {} as place, {} as queue, * from pgmq.read({}, %(visibility)s, ({})::int))"
            ).format(name, place, queue, queue, left)
        )
        left = sql.SQL("{} - (select count(*) from {})").format(left, name)
    rows = sql.SQL(" union all ").join(
        sql.SQL("select * from {}").format(sql.Identifier(f"r{place}")) for place in range(queues)
    )
    return sql.SQL(
        "with {} select queue, msg_id, read_ct, message::text from ({}) as r order by place, msg_id"
    ).format(sql.SQL(", ").join(reads), rows)


def _runs(messages: Iterable[Message]) -> list[list[Message]]:
    """The messages as batches of one routing key, in an order that keeps the order of each queue
    (which is named by a key's first word)."""
    runs: list[list[Message]] = []
    newest: dict[str, list[Message]] = {}
    for message in messages:
        queue = message.routing_key.partition(".")[0]
        run = newest.get(queue)
        if run is None or run[0].routing_key != message.routing_key:
            run = newest[queue] = []
            runs.append(run)
        run.append(message)
    return runs


def _tags(deliveries: Iterable[Delivery]) -> dict[str, list[int]]:
    tags: dict[str, list[int]] = {}
    for delivery in deliveries:
        tags.setdefault(delivery.queue, []).append(delivery.tag)
    return tags


def _split(
    messages: Sequence[Message], positions: Iterable[int]
) -> tuple[list[Message], list[Message]]:
    """Those elsewhere, and those at `positions`."""
    chosen = set(positions)
    return [m for i, m in enumerate(messages) if i not in chosen], [
        m for i, m in enumerate(messages) if i in chosen
    ]


def _is_text(body: bytes) -> bool:
    try:
        return "\0" not in body.decode()
    except UnicodeDecodeError:
        return False


def _complaint(not_json: Sequence[Message], homeless: Sequence[Message]) -> str:
    complaints = []
    if homeless:
        keys = ", ".join(sorted({message.routing_key for message in homeless}))
        complaints.append(
            f"{len(homeless)} message(s) found no queue bound for {keys}: declare() makes the queues and bindings"
        )
    if not_json:
        ids = ", ".join(message.message_id for message in not_json[:5])
        complaints.append(
            f"{len(not_json)} message(s) are not JSON, and PGMQ keeps nothing else: {ids}"
        )
    return "; ".join(complaints)
