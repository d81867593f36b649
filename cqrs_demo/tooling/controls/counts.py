"""How many events there are, by the second in which each was born (a UUIDv7 tells it).

Both sides count the same events by the same seconds: a command service those of its log that
somebody subscribes to, a consumer those that it is done with. Each topic has one subscriber. So
where the logs and the inboxes differ, events are on the way; the oldest such second is the lag.
Neither side has to know the other's ids, and a second that is settled need not be counted again.
Next: count_routes.py.
"""

from dataclasses import dataclass
from uuid import UUID

from cqrs_demo.database import Pool
from cqrs_demo.messaging.broker import TOPICS
from cqrs_demo.outbox.feed import HORIZON

# An id of another version tells no time; no service makes such.
BORN_IN_LOG = """
select floor(extract(epoch from uuid_extract_timestamp(id)) / %(width)s)::bigint * %(width)s
           as second, count(*) as events
from demo.events
where id >= %(first)s and uuid_extract_version(id) = 7
  and split_part(type, '.', 1) = any(%(topics)s)
group by 1 order by 1
"""

# Done with is what is projected, and what is set aside: nobody waits for that.
BORN_AND_DONE_WITH = """
with set_aside as materialized (
    select distinct event_id::uuid as id
    from demo.dead_letters
    where pg_input_is_valid(event_id, 'uuid') and status <> 'retried'
), done as (
    select event_id as id from demo.processed_events where event_id >= %(first)s
    union all
    select id from set_aside
    where id >= %(first)s
      and not exists (select from demo.processed_events where event_id = id)
)
select floor(extract(epoch from uuid_extract_timestamp(id)) / %(width)s)::bigint * %(width)s
           as second, count(*) as events
from done
where uuid_extract_version(id) = 7
group by 1 order by 1
"""

DEAD = "select count(*) as letters from demo.dead_letters where status = 'waiting'"

# Counted once, what is settled stays as it is: the log is append-only.
EVENTS = """
select count(*) as all, count(*) filter (where sequence <= %(horizon)s) as settled
from demo.events
where sequence > %(counted_to)s
"""

Born = list[tuple[int, int]]
"""(second since the epoch, events), without the seconds that have none."""


@dataclass(frozen=True, slots=True)
class Span:
    """From that second on, in buckets of so many seconds."""

    since: int
    width: int

    def parameters(self) -> dict[str, object]:
        first = UUID(int=self.since * 1000 << 80)
        return {"first": first, "width": self.width, "topics": list(TOPICS)}


class LogCount:
    """Events in this service's log."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._counted_to, self._settled = 0, 0

    async def look(self, span: Span) -> tuple[int, Born]:
        """All of them, and by second those of the span."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(HORIZON, prepare=True)).fetchone()
            horizon = int(row["position"]) if row else 0
            if horizon < self._counted_to:  # the database was exchanged for another
                self._counted_to, self._settled = 0, 0
            values = {"horizon": horizon, "counted_to": self._counted_to}
            counted = await (await connection.execute(EVENTS, values, prepare=True)).fetchone()
            born = await connection.execute(BORN_IN_LOG, span.parameters(), prepare=True)
            rows = await born.fetchall()
        assert counted is not None
        everything = self._settled + int(counted["all"])
        self._settled += int(counted["settled"])
        self._counted_to = horizon
        return everything, [(row["second"], row["events"]) for row in rows]


async def look_at_inbox(pool: Pool, span: Span) -> tuple[int, Born]:
    """Dead letters that wait, and by second the events that are done with."""
    async with pool.connection() as connection:
        dead = await (await connection.execute(DEAD, prepare=True)).fetchone()
        born = await connection.execute(BORN_AND_DONE_WITH, span.parameters(), prepare=True)
        rows = await born.fetchall()
    return int(dead["letters"]) if dead else 0, [(row["second"], row["events"]) for row in rows]
