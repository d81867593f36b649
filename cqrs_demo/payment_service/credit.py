"""A user's credit: the command that limits it, and the query that shows it.

Whether the user exists is not asked: this service does not know users. Whom nobody limited has the
default limit. Next: reservations.py, which uses credit up and gives it back.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator

from cqrs_demo.contract.events import CreditLimit, CreditLimited, Id, Limit
from cqrs_demo.database import Connection, Pool
from cqrs_demo.errors import Conflict
from cqrs_demo.input import Input, money
from cqrs_demo.outbox.append import Cause, append, new_event
from cqrs_demo.outbox.retries import Accepted, first_answer, retry_columns

DEFAULT_LIMIT = Decimal("5000.00")

MAKE_CREDITS = """
insert into credits (user_id, credit_limit)
select unnest(%s::bigint[]), %s
on conflict do nothing
"""

# In key order, so that two transactions cannot each hold what the other wants.
LOCK_CREDITS = "select from credits where user_id = any(%s) order by user_id for update"

CREDIT = "select user_id, credit_limit, reserved from credits where user_id = %s"

LIMIT = "update credits set credit_limit = %(limit)s where user_id = %(user_id)s"

REMEMBER = """
insert into credit_limits (event_id, user_id, credit_limit, reserved, idempotency_key, request_hash)
values (%(event_id)s, %(user_id)s, %(credit_limit)s, %(reserved)s, %(idempotency_key)s,
    %(request_hash)s)
on conflict do nothing  -- a retry: its key is taken, the first limit stands
returning *
"""


class NewLimit(Input):
    limit: Annotated[Limit, BeforeValidator(money)]


class LimitCredit(BaseModel):
    user_id: Id
    limit: Limit


class LimitBelowReserved(Conflict):
    code = "limit-below-reserved"

    def __init__(self, limit: Decimal, reserved: Decimal) -> None:
        super().__init__(
            f"the limit {limit:,.2f} is below the {reserved:,.2f} that open orders have reserved"
        )


class _KeyTaken(Exception):
    """Rolls the transaction back."""


async def limit_credit(
    pool: Pool, command: LimitCredit, idempotency_key: str | None, traceparent: str | None = None
) -> Accepted:
    """The credit with its new limit, committed together with its event. Raises LimitBelowReserved,
    and KeyReused when the key came with another body before."""
    earlier = await first_answer(pool, "credit_limits", command, idempotency_key)
    if earlier is not None:
        return earlier
    try:
        async with pool.connection() as connection, connection.transaction():
            return Accepted(await _set_limit(connection, command, idempotency_key, traceparent))
    except _KeyTaken:  # by another request with the key, at this moment
        earlier = await first_answer(pool, "credit_limits", command, idempotency_key)
        assert earlier is not None, "only a taken key refuses a limit here"
        return earlier


async def _set_limit(
    connection: Connection, command: LimitCredit, key: str | None, traceparent: str | None
) -> dict[str, Any]:
    """The transaction: the credit, the row that remembers the answer, and the event."""
    await lock_credits(connection, [command.user_id])
    credit = await (await connection.execute(CREDIT, [command.user_id])).fetchone()
    assert credit is not None
    if command.limit < credit["reserved"]:
        raise LimitBelowReserved(command.limit, credit["reserved"])
    limit = CreditLimit(user_id=command.user_id, limit=command.limit)
    event = new_event(CreditLimited, limit, Cause(traceparent=traceparent))
    answer = {
        **credit,
        "credit_limit": command.limit,
        "event_id": event.id,
        "idempotency_key": None,
        "request_hash": None,
        **retry_columns(command, key),
    }
    row = await (await connection.execute(REMEMBER, answer)).fetchone()
    if row is None:
        raise _KeyTaken
    await connection.execute(LIMIT, {"user_id": command.user_id, "limit": command.limit})
    await append(connection, [event])
    return row


async def lock_credits(connection: Connection, user_ids: Sequence[int]) -> None:
    """In the caller's transaction. Whoever is not known yet gets the default limit."""
    await connection.execute(MAKE_CREDITS, [list(user_ids), DEFAULT_LIMIT], prepare=True)
    await connection.execute(LOCK_CREDITS, [list(user_ids)], prepare=True)


async def credit_of(pool: Pool, user_id: int) -> dict[str, Any]:
    async with pool.connection() as connection:
        row = await (await connection.execute(CREDIT, [user_id], prepare=True)).fetchone()
    return row or {"user_id": user_id, "credit_limit": DEFAULT_LIMIT, "reserved": Decimal("0.00")}
