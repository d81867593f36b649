"""Create a user, create an account: the write side of this service.

Each command is one statement, and one statement is one transaction: state row, event row and outbox
row go in together or not at all. What a statement refuses comes back as a missing row; the handler
then finds out why. Next: outbox/relay.py, which takes the event from the outbox to the broker.
"""

from cqrs_demo.contract.events import Id
from cqrs_demo.database import Pool
from cqrs_demo.http.input import Command, Email, ShortText, Zip
from cqrs_demo.http.problems import Problem
from cqrs_demo.outbox.group_commit import GroupCommit
from cqrs_demo.outbox.retries import Accepted, first_answer, retry_columns

CREATE_USERS = """
with command as (
    select uuidv7() as event_id, c.*
    from jsonb_to_recordset(%(commands)s::jsonb) as c (
        position int, name text, email text, idempotency_key text, request_hash text
    )
),
state as (
    insert into demo.users (name, email, event_id, idempotency_key, request_hash)
    select name, email, event_id, idempotency_key, request_hash
    from command
    order by casefold(email collate pg_unicode_fast)
    on conflict do nothing  -- the email is taken, or the key is: then it is a retry
    returning *
),
event as (
    insert into demo.events (id, type, subject, data)
    select event_id, 'user.created', id::text, jsonb_build_object('id', id, 'name', name, 'email',
        email)
    from state
    order by id
    returning sequence, id
),
outbox as (
    insert into demo.outbox (sequence, event_id)
    select sequence, id from event
)
select command.position, state.id, state.name, state.email, state.event_id
from state
join command using (event_id)
"""

CREATE_ACCOUNTS = """
with command as (
    select uuidv7() as event_id, c.*
    from jsonb_to_recordset(%(commands)s::jsonb) as c (
        position int, user_id bigint, address1 text, city text, state text, zip text,
            idempotency_key text, request_hash text
    )
),
state as (
    insert into demo.accounts (user_id, address1, city, state, zip, event_id, idempotency_key,
        request_hash)
    select user_id, address1, city, state, zip, event_id, idempotency_key, request_hash
    from command
    where exists (select from demo.users where users.id = command.user_id)
    order by idempotency_key
    on conflict do nothing  -- a retry: its key is taken, the first account stands
    returning *
),
event as (
    insert into demo.events (id, type, subject, data)
    select event_id, 'account.created', id::text, jsonb_build_object(
        'id', id, 'user_id', user_id, 'address1', address1, 'city', city, 'state', state, 'zip',
            zip)
    from state
    order by id
    returning sequence, id
),
outbox as (
    insert into demo.outbox (sequence, event_id)
    select sequence, id from event
)
select command.position, state.*
from state
join command using (event_id)
"""


class CreateUser(Command):
    name: ShortText
    email: Email


class CreateAccount(Command):
    user_id: Id
    address1: ShortText
    city: ShortText
    state: ShortText
    zip: Zip


async def create_user(
    users: GroupCommit, pool: Pool, command: CreateUser, idempotency_key: str | None
) -> Accepted:
    """The user, committed together with its event. Raises Problem 409 when the email is taken, 422
    when the key came with another body."""
    row = await users.submit({**command.model_dump(), **retry_columns(command, idempotency_key)})
    if row is not None:
        return Accepted(row)
    earlier = await first_answer(pool, "users", command, idempotency_key)
    if earlier is None:
        raise Problem(
            409,
            "email-taken",
            f"there is a user with the email {command.email} already (capitals make no difference)",
        )
    return earlier


async def create_account(
    accounts: GroupCommit, pool: Pool, command: CreateAccount, idempotency_key: str | None
) -> Accepted:
    """The account, committed together with its event. Raises Problem 404 for an unknown user, 422
    when the key came with another body."""
    row = await accounts.submit({**command.model_dump(), **retry_columns(command, idempotency_key)})
    if row is not None:
        return Accepted(row)
    earlier = await first_answer(pool, "accounts", command, idempotency_key)
    if earlier is None:
        raise Problem(404, "unknown-user", f"there is no user {command.user_id}")
    return earlier
