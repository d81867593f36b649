"""Create a user, create an account: the write side of this service.

Each command is one statement, and one statement is one transaction: state row, event row and outbox
row go in together or not at all. What a statement refuses comes back as a missing row; the handler
then finds out why. Next: outbox/relay.py, which takes the event from the outbox to the broker.
"""

from collections.abc import Sequence

from cqrs_demo.contract.events import AccountCreated, Id, UserCreated, type_of
from cqrs_demo.contract.schemas import schema_of
from cqrs_demo.database import Pool
from cqrs_demo.errors import Conflict, NotFound
from cqrs_demo.input import Email, Input, ShortText, Zip
from cqrs_demo.outbox.payload import payload
from cqrs_demo.outbox.retries import Accepted, first_answer, retry_columns
from cqrs_demo.outbox.submit import Row, Submit, by_position, numbered, trace_column

CREATE_USERS = f"""
with command as (
    select uuidv7() as event_id, c.*
    from jsonb_to_recordset(%(commands)s::jsonb) as c (
        position int, name text, email text, traceparent text, idempotency_key text,
            request_hash text
    )
),
state as (
    insert into demo.users (name, email, event_id, idempotency_key, request_hash)
    select name, email, event_id, idempotency_key, request_hash from command
    order by casefold(email collate pg_unicode_fast)
    on conflict do nothing  -- the email is taken, or the key is: then it is a retry
    returning *
),
event as (
    insert into demo.events (id, type, subject, partitionkey, correlationid, dataschema,
        traceparent, data)
    select event_id, '{type_of(UserCreated)}', id::text, id::text, event_id,
        '{schema_of(UserCreated)}', traceparent, {payload(UserCreated)}
    from state join (select event_id, traceparent from command) as trace using (event_id)
    order by id returning sequence, id
),
outbox as (
    insert into demo.outbox (sequence, event_id)
    select sequence, id from event
)
select command.position, state.id, state.name, state.email, state.event_id
from state
join command using (event_id)
"""  # noqa: S608  # made of the contract, not of input

CREATE_ACCOUNTS = f"""
with command as (
    select uuidv7() as event_id, c.*
    from jsonb_to_recordset(%(commands)s::jsonb) as c (
        position int, user_id bigint, address1 text, city text, state text, zip text,
            traceparent text, idempotency_key text, request_hash text
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
    insert into demo.events (id, type, subject, partitionkey, correlationid, dataschema,
        traceparent, data)
    select event_id, '{type_of(AccountCreated)}', id::text, user_id::text, event_id,
        '{schema_of(AccountCreated)}', traceparent, {payload(AccountCreated)}
    from state join (select event_id, traceparent from command) as trace using (event_id)
    order by id returning sequence, id
),
outbox as (
    insert into demo.outbox (sequence, event_id)
    select sequence, id from event
)
select command.position, state.*
from state
join command using (event_id)
"""  # noqa: S608  # made of the contract, not of input


class CreateUser(Input):
    name: ShortText
    email: Email


class CreateAccount(Input):
    user_id: Id
    address1: ShortText
    city: ShortText
    state: ShortText
    zip: Zip


class EmailTaken(Conflict):
    code = "email-taken"

    def __init__(self, email: str) -> None:
        super().__init__(
            f"there is a user with the email {email} already (capitals make no difference)"
        )


class UnknownUser(NotFound):
    code = "unknown-user"

    def __init__(self, user_id: int) -> None:
        super().__init__(f"there is no user {user_id}")


async def create_users(pool: Pool, commands: Sequence[Row]) -> list[Row | None]:
    """The transaction: these users, each with its event. None for one that was refused."""
    async with pool.connection() as connection:
        made = await connection.execute(CREATE_USERS, numbered(commands), prepare=True)
        return by_position(await made.fetchall(), len(commands))


async def create_user(
    users: Submit,
    pool: Pool,
    command: CreateUser,
    idempotency_key: str | None,
    traceparent: str | None = None,
) -> Accepted:
    """The user, committed together with its event. Raises EmailTaken, and KeyReused when the key
    came with another body."""
    retry, trace = retry_columns(command, idempotency_key), trace_column(traceparent)
    row = await users.submit({**command.model_dump(), **retry, **trace})
    if row is not None:
        return Accepted(row)
    earlier = await first_answer(pool, "users", command, idempotency_key)
    if earlier is None:
        raise EmailTaken(command.email)
    return earlier


async def create_accounts(pool: Pool, commands: Sequence[Row]) -> list[Row | None]:
    """The transaction: these accounts, each with its event. None for one that was refused."""
    async with pool.connection() as connection:
        made = await connection.execute(CREATE_ACCOUNTS, numbered(commands), prepare=True)
        return by_position(await made.fetchall(), len(commands))


async def create_account(
    accounts: Submit,
    pool: Pool,
    command: CreateAccount,
    idempotency_key: str | None,
    traceparent: str | None = None,
) -> Accepted:
    """The account, committed together with its event. Raises UnknownUser, and KeyReused when the
    key came with another body."""
    retry, trace = retry_columns(command, idempotency_key), trace_column(traceparent)
    row = await accounts.submit({**command.model_dump(), **retry, **trace})
    if row is not None:
        return Accepted(row)
    earlier = await first_answer(pool, "accounts", command, idempotency_key)
    if earlier is None:
        raise UnknownUser(command.user_id)
    return earlier
