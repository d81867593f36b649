"""PGMQ behind the port: message queues as tables in a PostgreSQL database of their own, driven
through PGMQ's SQL functions.

A message that is read stays in its table, invisible for VISIBILITY seconds. Acknowledging deletes
it, and a consumer that dies simply lets the time pass. The schema is installed by `cqrs-demo
migrate`. A NOTIFY per published batch wakes the consumers; a slow poll is the net under it.
Sibling: rabbitmq.py.

(On Windows psycopg wants a SelectorEventLoop, which is what uvicorn runs.)
"""

import asyncio
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, LiteralString

import orjson
import psycopg
from psycopg import AsyncConnection, sql

from cqrs_demo.contract.codec import CONTENT_TYPE
from cqrs_demo.messaging.broker import (
    BrokerUnavailable,
    Delivery,
    Message,
    PublishFailed,
    Subscriber,
)
from cqrs_demo.messaging.pgmq_session import Session
from cqrs_demo.messaging.queues import queue_name

VISIBILITY = 10
"""Seconds a message stays hidden from others once it is read. A consumer that needs longer gets
company, and the inbox the duplicate."""

# Seconds. It finds what no NOTIFY tells of: a dead consumer's messages, and rows sent by hand.
_POLL = 0.5
BASE64 = "base64"
_WAKE = "cqrs.events"  # the NOTIFY channel

# What PGMQ takes for a routing key; anything else ends its transaction.
_ROUTING_KEY = re.compile(r"(?=.{1,255}$)[\w-]+(\.[\w-]+)*", re.ASCII)

_COMPLETE = """
select bool_and(
    to_regclass(format('pgmq.%%I', 'q_' || queue)) is not null
    and exists (
        select from pgmq.topic_bindings b where b.queue_name = queue and b.pattern = topic || '.*'
    )
)
from unnest(%s::text[], %s::text[]) as wanted (topic, queue)
"""
_SEND = """
select count(*) from pgmq.send_batch_topic(%s, %b::text[]::jsonb[], %b::text[]::jsonb[])
"""
_NOT_JSON = """
select position - 1 from unnest(%s::text[]) with ordinality as t (body, position)
where not pg_input_is_valid(body, 'jsonb')
"""
_DEPTHS = """
select (pgmq.metrics(queue)).queue_visible_length
from unnest(%s::text[]) with ordinality as t (queue, place) order by place
"""
_DELETE = "select count(*) from pgmq.delete(%s, %s::bigint[])"
_SHOW_AGAIN = "select count(*) from pgmq.set_vt(%s, %s::bigint[], 0)"
_NOTIFY = "select pg_notify(%s, '')"


class PgmqBroker:
    """The port on PGMQ. `url` is a DSN of the broker's own database, as the role that owns it.

    A body whose content type is JSON is kept as jsonb, so it comes back equal, not byte for byte
    (keys may change places). Any other comes back byte for byte: it is kept as {"base64": "…"}.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = Session(url)

    async def declare(self, *subscribers: Subscriber) -> None:
        wanted = {queue_name(s, topic): topic for s in subscribers for topic in s.topics}
        async with self._session.connection() as connection:
            if await _value(connection, _COMPLETE, [list(wanted.values()), list(wanted)]):
                return
            async with connection.transaction():
                # Each create takes PGMQ's lock on that queue: two processes at once do no harm.
                for queue, topic in wanted.items():
                    await connection.execute("select pgmq.create(%s)", [queue])
                    await connection.execute(
                        "select pgmq.bind_topic(%s, %s)", [f"{topic}.*", queue]
                    )

    async def publish(self, messages: Sequence[Message]) -> None:
        good, bad = _split(messages, (i for i, m in enumerate(messages) if not _is_text(m)))
        try:
            unroutable = await self._send(good)
        except psycopg.DataError:  # nothing was sent: PostgreSQL says which body is not JSON
            good, more = _split(good, await self._not_json(good))
            bad += more
            unroutable = await self._send(good)
        if bad or unroutable:
            failed = {message.id for message in (*unroutable, *bad)}
            confirmed = frozenset(message.id for message in good) - failed
            why = _why(bad, unroutable)
            raise PublishFailed(why, confirmed, unroutable=bool(unroutable))

    async def _send(self, messages: Sequence[Message]) -> list[Message]:
        """Send all in one transaction, save those no queue is bound for, which are returned. Raises
        psycopg.DataError."""
        unroutable = [message for message in messages if not _ROUTING_KEY.fullmatch(message.type)]
        runs = _runs(message for message in messages if _ROUTING_KEY.fullmatch(message.type))
        async with (
            self._session.connection() as connection,
            connection.transaction(),
            connection.pipeline(),
        ):
            sent = [await connection.execute(_SEND, _batch(run), prepare=True) for run in runs]
            await connection.execute(_NOTIFY, [_WAKE], prepare=True)
            counts = [await cursor.fetchone() for cursor in sent]
        for run, count in zip(runs, counts, strict=True):
            if count == (0,):
                unroutable += [message for message in run if message.wanted]
        return unroutable

    async def _not_json(self, messages: Sequence[Message]) -> list[int]:
        bodies = [_text(message) for message in messages]
        async with self._session.connection() as connection:
            cursor = await connection.execute(_NOT_JSON, [bodies])
            return [int(position) for (position,) in await cursor.fetchall()]

    async def subscribe(self, subscriber: Subscriber, limit: int) -> "PgmqSubscription":
        """PGMQ hands out only what is asked for: nothing is held in advance."""
        subscription = PgmqSubscription(self._url, subscriber, limit)
        await subscription.open()
        return subscription

    async def depths(self, subscriber: Subscriber) -> dict[str, int]:
        queues = [queue_name(subscriber, topic) for topic in subscriber.topics]
        async with self._session.connection() as connection:
            rows = await (await connection.execute(_DEPTHS, [queues], prepare=True)).fetchall()
        return {topic: int(ready) for topic, (ready,) in zip(subscriber.topics, rows, strict=True)}

    async def ping(self) -> None:
        async with self._session.connection() as connection:
            await connection.execute("select 1")

    async def close(self) -> None:
        await self._session.close()


class PgmqSubscription:
    """See Subscription. One connection, which reads, acknowledges and listens for the wake-up."""

    def __init__(self, url: str, subscriber: Subscriber, limit: int) -> None:
        # A crash of the database may forget the newest reads and deletes: those messages come
        # again, as the port allows.
        self._session = Session(url, options="-c synchronous_commit=off")
        self._queues = {queue_name(subscriber, topic): topic for topic in subscriber.topics}
        self._turns = list(self._queues)
        self._read_query = _read_query(len(self._turns))
        self._limit = limit
        self._in_hand: dict[str, set[int]] = {topic: set() for topic in subscriber.topics}
        # When to read next, should no NOTIFY come before: an idle subscription costs two reads a
        # second.
        self._look_again = 0.0

    async def open(self) -> None:
        """Raises BrokerUnavailable, also when a queue is missing."""
        async with self._session.connection() as connection:
            await connection.execute(_DEPTHS, [self._turns])
            await connection.execute(sql.SQL("listen {}").format(sql.Identifier(_WAKE)))

    async def receive(self, most: int, wait: float) -> Sequence[Delivery]:
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait
        most = min(most, self._limit - max(map(len, self._in_hand.values())))
        while True:
            async with self._session.connection(reconnect=False) as connection:
                if most > 0 and (wait <= 0 or clock() >= self._look_again):
                    deliveries = await self._read(connection, most)
                    if deliveries or wait <= 0:
                        return deliveries
                    self._look_again = clock() + _POLL
                look_again = self._look_again if most > 0 else deadline
                pause = max(min(deadline, look_again) - clock(), 0)
                async for _ in connection.notifies(timeout=pause, stop_after=1):
                    self._look_again = 0.0
            if clock() >= deadline:
                return []

    async def _read(self, connection: AsyncConnection, most: int) -> list[Delivery]:
        values = {"visibility": VISIBILITY, "most": most, "queues": self._turns}
        cursor = await connection.execute(self._read_query, values, prepare=True)
        deliveries = [
            _delivery(self._queues[queue], *row) for queue, *row in await cursor.fetchall()
        ]
        # The next read begins with another queue, so that a full one starves none.
        self._turns.append(self._turns.pop(0))
        for delivery in deliveries:
            self._in_hand[delivery.topic].add(delivery.tag)
        return deliveries

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        tags: dict[str, list[int]] = {}
        for delivery in deliveries:
            tags.setdefault(delivery.topic, []).append(delivery.tag)
        await self._settle(_DELETE, tags)

    async def _settle(
        self, statement: LiteralString, tags: dict[str, list[int]], *, wake: bool = False
    ) -> None:
        async with self._session.connection(reconnect=False) as connection, connection.pipeline():
            for queue, topic in self._queues.items():
                if topic in tags:
                    await connection.execute(statement, [queue, tags[topic]], prepare=True)
            if wake:
                await connection.execute(_NOTIFY, [_WAKE])
        for topic, numbers in tags.items():
            self._in_hand[topic].difference_update(numbers)

    async def close(self) -> None:
        held = {topic: sorted(tags) for topic, tags in self._in_hand.items() if tags}
        with suppress(BrokerUnavailable):  # then they show up again by themselves
            if held:
                await self._settle(_SHOW_AGAIN, held, wake=True)
        await self._session.close()


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
        name = sql.Identifier(f"r{place}")
        queue = sql.SQL("(%(queues)s::text[])[{}]").format(place + 1)
        read = (
            "{} as (select {} as place, {} as queue, * from pgmq.read({}, %(visibility)s, "
            "({})::int))"
        )
        reads.append(sql.SQL(read).format(name, place, queue, queue, left))
        left = sql.SQL("{} - (select count(*) from {})").format(left, name)
    rows = sql.SQL(" union all ").join(
        sql.SQL("select * from {}").format(sql.Identifier(f"r{place}")) for place in range(queues)
    )
    return sql.SQL("""
        with {}
        select queue, msg_id, message::text, headers ->> 'key', headers ->> 'content_type',
            headers ->> 'headers', headers ->> 'encoding'
        from ({}) as r
        order by place, msg_id
    """).format(sql.SQL(", ").join(reads), rows)


def _delivery(
    topic: str,
    tag: int,
    body: str,
    key: str | None,
    content_type: str | None,
    headers: str | None,
    encoding: str | None,
) -> Delivery:
    return Delivery(
        topic,
        _from_base64(body) if encoding == BASE64 else body.encode(),
        tag,
        key or "",
        content_type or CONTENT_TYPE,
        orjson.loads(headers) if headers else {},
    )


def _batch(run: Sequence[Message]) -> list[object]:
    """The parameters of _SEND."""
    bodies = [_text(message) for message in run]
    return [run[0].type, bodies, [_properties(message) for message in run]]


def _properties(message: Message) -> str:
    """What travels beside the body: PGMQ's `headers` column. What is as usual is left out."""
    properties: dict[str, Any] = {"id": message.id}
    if message.key:
        properties["key"] = message.key
    if not _is_json(message):
        properties["encoding"] = BASE64
    if message.content_type != CONTENT_TYPE:
        properties["content_type"] = message.content_type
    if message.headers:
        properties["headers"] = dict(message.headers)
    return orjson.dumps(properties).decode()


def _runs(messages: Iterable[Message]) -> list[list[Message]]:
    """The messages as batches of one type, in an order that keeps the order of each topic."""
    runs: list[list[Message]] = []
    newest: dict[str, list[Message]] = {}
    for message in messages:
        run = newest.get(message.topic)
        if run is None or run[0].type != message.type:
            run = newest[message.topic] = []
            runs.append(run)
        run.append(message)
    return runs


def _split(
    messages: Sequence[Message], positions: Iterable[int]
) -> tuple[list[Message], list[Message]]:
    """Those elsewhere, and those at `positions`."""
    chosen = set(positions)
    elsewhere = [m for i, m in enumerate(messages) if i not in chosen]
    return elsewhere, [m for i, m in enumerate(messages) if i in chosen]


def _is_json(message: Message) -> bool:
    kind = message.content_type.partition(";")[0].strip()
    return kind.endswith(("/json", "+json"))


def _is_text(message: Message) -> bool:
    try:
        return "\0" not in _text(message)
    except UnicodeDecodeError:
        return False


def _text(message: Message) -> str:
    """The body as PGMQ takes it. Raises UnicodeDecodeError."""
    if _is_json(message):
        return message.body.decode()
    return f'{{"{BASE64}": "{b64encode(message.body).decode()}"}}'


def _from_base64(body: str) -> bytes:
    """The body as it was published; where somebody has written another by hand, that one."""
    try:
        return b64decode(orjson.loads(body)[BASE64], validate=True)
    except (KeyError, TypeError, ValueError):
        return body.encode()


def _why(not_json: Sequence[Message], unroutable: Sequence[Message]) -> str:
    reasons = []
    if unroutable:
        types = ", ".join(sorted({message.type for message in unroutable}))
        reasons.append(
            f"{len(unroutable)} message(s) found no queue bound for {types}: "
            "declare() makes the queues and bindings"
        )
    if not_json:
        ids = ", ".join(message.id for message in not_json[:5])
        reasons.append(
            f"{len(not_json)} message(s) are not JSON, and PGMQ keeps nothing else: {ids}"
        )
    return "; ".join(reasons)
