"""The log as a feed: the events of one service, in log order, none skipped.

Next: sql/outbox/001_log_and_outbox.sql explains the horizon.
"""

from cqrs_demo.contract.events import encode
from cqrs_demo.database import Pool

HORIZON = "select demo.log_horizon() as horizon"

PAGE = """
select sequence, id, type, subject, time, data::text as data
from demo.events
where sequence > %(after)s and sequence <= %(horizon)s
order by sequence
limit %(limit)s
"""


async def read_log(pool: Pool, source: str, after: int, limit: int) -> list[bytes]:
    """Up to `limit` events after position `after`, each as CloudEvents JSON.

    An event behind one that is still being written waits for it.
    """
    async with pool.connection() as connection:
        settled = await (await connection.execute(HORIZON)).fetchone()
        assert settled is not None
        # A second statement, so that its snapshot is younger than the horizon.
        rows = await (await connection.execute(PAGE, {"after": after, "horizon": settled["horizon"], "limit": limit})).fetchall()
    return [encode(source, **row) for row in rows]
