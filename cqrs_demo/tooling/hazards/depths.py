"""How many messages stand in a queue, asked of the broker itself."""

import asyncio
from collections.abc import Sequence

import aiormq
import psycopg
from psycopg import sql

_LENGTHS = "select sum((pgmq.metrics(queue)).queue_length) from unnest(%s::text[]) as queue"


def waiting(broker_url: str, queues: Sequence[str]) -> int:
    """In all of these queues. On PGMQ those in a consumer's hand, too; on RabbitMQ these are
    acknowledged already or come back when it dies."""
    if broker_url.startswith("amqp"):
        return asyncio.run(_in_rabbitmq(broker_url, queues))
    with psycopg.connect(broker_url) as connection:
        row = connection.execute(_LENGTHS, [list(queues)]).fetchone()
    return int(row[0]) if row else 0


async def _in_rabbitmq(url: str, queues: Sequence[str]) -> int:
    async with aiormq.connect(url) as connection:
        channel = await connection.channel()
        found = [await channel.queue_declare(queue, passive=True) for queue in queues]
    return sum(queue.message_count or 0 for queue in found)


def show_again(broker_url: str, queues: Sequence[str]) -> None:
    """PGMQ hides what a dead consumer had in hand until some seconds are over. Nothing happens in
    them, so let them be over. RabbitMQ gives it back by itself."""
    if not broker_url.startswith("amqp"):
        with psycopg.connect(broker_url) as connection:
            for queue in queues:
                table = sql.Identifier("pgmq", f"q_{queue}")
                connection.execute(sql.SQL("update {} set vt = clock_timestamp()").format(table))
