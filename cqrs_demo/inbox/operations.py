"""What an operator does with dead letters: look, group, retry as it came or edited, discard.

A retry applies the message here and now, in one transaction with the letter's new status: it counts
once, also when two operators ask at once (the row is locked) and also when the event had come
through after all (the inbox knows it). Next: routes.py puts this on HTTP, cli/dead_letters.py in a
terminal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from cqrs_demo.contract.codec import decode
from cqrs_demo.contract.events import Event, Unknown
from cqrs_demo.database import Pool
from cqrs_demo.errors import Conflict, Invalid
from cqrs_demo.inbox.blame import Blame, blame
from cqrs_demo.inbox.dead_letters import dead_letter, set_aside
from cqrs_demo.inbox.handler import Effect, apply_once
from cqrs_demo.messaging.broker import Delivery

log = structlog.get_logger()

CHOSEN = """
(%(ids)s::bigint[] is null or id = any(%(ids)s))
and (%(reason)s::text is null or reason = %(reason)s)
and (%(event_type)s::text is null or event_type = %(event_type)s)
and (%(status)s::text is null or status = %(status)s)
"""

PAGE = f"""
select id, queue, event_id, event_type, reason, failures, status, first_failed, last_failed,
    settled_at, edited_body is not null as edited
from demo.dead_letters
where {CHOSEN} and id < %(before)s
order by id desc
limit %(limit)s
"""

GROUPS = f"""
select event_type, reason, count(*) as letters, min(first_failed) as first_failed,
    max(last_failed) as last_failed
from demo.dead_letters
where {CHOSEN}
group by event_type, reason
order by letters desc, event_type, reason
"""

ONE = "select *, edited_body is not null as edited from demo.dead_letters where id = %s"

IDS = f"select id from demo.dead_letters where {CHOSEN} order by id"

LOCK = """
select queue, body, event_id from demo.dead_letters where id = %s and status = 'waiting' for update
"""

SETTLE = "update demo.dead_letters set status = %s, settled_at = clock_timestamp() where id = %s"

SETTLE_EDITED = """
update demo.dead_letters
set status = 'retried', settled_at = clock_timestamp(), edited_body = %s
where id = %s
"""

DISCARD = f"""
update demo.dead_letters
set status = 'discarded', settled_at = clock_timestamp()
where {CHOSEN}
returning id
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters are meant; what is None does not narrow it down."""

    ids: Sequence[int] | None = None
    reason: str | None = None
    event_type: str | None = None
    status: str | None = "waiting"

    def parameters(self) -> dict[str, Any]:
        ids = None if self.ids is None else list(self.ids)
        return {
            "ids": ids,
            "reason": self.reason,
            "event_type": self.event_type,
            "status": self.status,
        }


@dataclass(frozen=True, slots=True)
class Retried:
    applied: int
    failed: int


async def page(pool: Pool, choice: Choice, before: int, limit: int) -> list[dict[str, Any]]:
    """Up to `limit` letters with an id below `before`, newest first, without their bodies."""
    return await _rows(pool, PAGE, {**choice.parameters(), "before": before, "limit": limit})


async def groups(pool: Pool, choice: Choice) -> list[dict[str, Any]]:
    """As an operator thinks of them: how many of which type for which reason."""
    return await _rows(pool, GROUPS, choice.parameters())


async def one(pool: Pool, id: int) -> dict[str, Any] | None:
    rows = await _rows(pool, ONE, [id])
    return rows[0] if rows else None


async def retry(pool: Pool, projection: Effect, choice: Choice) -> Retried:
    """Apply the chosen letters that wait, each in its own transaction. One that fails again waits
    on, with a higher count. Raises what is not the fault of a letter: those that are left wait on
    as they were."""
    ids = [row["id"] for row in await _rows(pool, IDS, choice.parameters())]
    outcomes = [await _retry_one(pool, projection, id) for id in ids]
    return Retried(applied=outcomes.count(True), failed=outcomes.count(False))


async def _retry_one(pool: Pool, projection: Effect, id: int) -> bool | None:
    """True when applied now, False when it failed again, None when somebody else settled it
    meanwhile."""
    async with pool.connection() as connection, connection.transaction():
        row = await (await connection.execute(LOCK, [id])).fetchone()
        if row is None:
            return None
        try:
            async with (
                connection.transaction()
            ):  # a savepoint: what a failure leaves half done is undone, the lock stays
                event = decode(row["body"])
                if not isinstance(event, Unknown):
                    await apply_once(connection, projection, [event])
                await connection.execute(SETTLE, ["retried", id])
        except Exception as error:
            if blame(error) is not Blame.MESSAGE:
                raise
            await set_aside(connection, dead_letter(Delivery(row["queue"], row["body"]), error))
            return False
    log.info("dead letter retried", id=id, events=[str(event.id)])
    return True


class NotWaiting(Conflict):
    code = "not-waiting"

    def __init__(self, id: int) -> None:
        super().__init__(f"dead letter {id} waits no more: nothing was applied")


class StillBroken(Invalid):
    code = "still-broken"


async def retry_edited(pool: Pool, projection: Effect, id: int, body: bytes) -> None:
    """Apply `body` in place of the letter's own, which is kept. The log is not touched: a replay
    makes of it what it always had. Raises NotWaiting, and StillBroken with the letter as it was."""
    async with pool.connection() as connection, connection.transaction():
        letter = await (await connection.execute(LOCK, [id])).fetchone()
        if letter is None:
            raise NotWaiting(id)
        try:
            event = decode(body)
            _same_event(letter["event_id"], event)
            if not isinstance(event, Unknown):
                await apply_once(connection, projection, [event])
        except Exception as error:
            if blame(error) is not Blame.MESSAGE:
                raise
            raise StillBroken(dead_letter(Delivery(letter["queue"], body), error).reason) from error
        await connection.execute(SETTLE_EDITED, [body, id])
    log.info("dead letter edited and retried", id=id, events=[str(event.id)])


def _same_event(claimed: str | None, event: Event) -> None:
    """Under another id it would be another event, and this one could count a second time. Where the
    message that came had no id that can be read, any is right."""
    try:
        meant = UUID(claimed or "")
    except ValueError:
        return
    if event.id != meant:
        raise StillBroken(f"the id is {event.id}; the event set aside is {meant}")


async def discard(pool: Pool, choice: Choice) -> int:
    """Give the chosen letters up. Their rows stay, as a record of what was discarded and when.
    Returns how many."""
    ids = [row["id"] for row in await _rows(pool, DISCARD, choice.parameters())]
    log.info("dead letters discarded", ids=ids)
    return len(ids)


async def _rows(pool: Pool, query: str, parameters: Any) -> list[dict[str, Any]]:
    async with pool.connection() as connection:
        return await (await connection.execute(query, parameters)).fetchall()
