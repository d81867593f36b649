"""Data that is put in place rather than produced: a long log, a full outbox, many invoices. Written
in SQL, as superuser."""

from cqrs_demo.contract.events import OrderCreated, type_of
from cqrs_demo.contract.schemas import schema_of
from cqrs_demo.outbox.payload import payload
from cqrs_demo.tooling.bench.rig import Rig

CHUNK = 100_000  # rows in one statement

PLACE = f"""
with placed as (
    insert into demo.orders (user_id, description, amount, purchase_dt, event_id)
    select %s + n %% 1000, 'Widget, blue, with a handle', 1,
        timestamptz '2025-01-01 10:00Z' + n %% 365 * interval '1 day', uuidv7()
    from generate_series(1, %s) as n
    returning *
),
event as (
    insert into demo.events (id, type, subject, dataschema, data)
    select event_id, '{type_of(OrderCreated)}', id::text, '{schema_of(OrderCreated)}',
        {payload(OrderCreated)}
    from placed
    order by id
    returning sequence, id
)
"""  # noqa: S608  # made of the contract
TO_PUBLISH = PLACE + ("insert into demo.outbox (sequence, event_id) select sequence, id from event")  # noqa: S608  # constant text
PUBLISHED_LONG_AGO = PLACE + "select count(*) from event"  # noqa: S608

INVOICES = """
insert into demo.invoices (invoice_id, user_id, invoice_dt, email, shipping_address, total)
select gen_random_uuid(), %s + n / 12, timestamptz '2025-01-01Z' + n %% 12 * interval '1 month',
    'alice@demo.com', '123 Main St', 5
from generate_series(0, %s) as n
"""
LINES = """
insert into demo.invoice_lines (order_id, invoice_id, description, amount, purchase_dt, happened_at)
select 1000000000000 + row_number() over (), invoice_id, 'Widget, blue, with a handle', 1,
    invoice_dt + number * interval '1 day', invoice_dt
from demo.invoices, generate_series(1, 5) as number
where user_id >= %s
"""


def orders_in_outbox(rig: Rig, first_user: int, number: int) -> None:
    """Orders of a thousand users, none of them published."""
    for chunk in _chunks(number):
        rig.execute("order_service", TO_PUBLISH, first_user, chunk)


def orders_in_log(rig: Rig, number: int) -> None:
    """As many orders as it takes to have `number` of them, all published long ago."""
    there: int = rig.execute("order_service", "select count(*) from demo.events")[0][0]
    for chunk in _chunks(number - there):
        rig.execute("order_service", PUBLISHED_LONG_AGO, 1, chunk)
    tidy(rig, "order_service")


def invoices(rig: Rig, first_user: int, number: int) -> None:
    """Invoices of five lines, twelve for each user."""
    rig.execute("invoice_service", INVOICES, first_user, number - 1)
    rig.execute("invoice_service", LINES, first_user)
    tidy(rig, "invoice_service")


def tidy(rig: Rig, database: str) -> None:
    """What autovacuum and the checkpointer would do later, in the middle of a measurement."""
    rig.execute(database, "vacuum analyze")
    rig.execute(database, "checkpoint")


def _chunks(number: int) -> list[int]:
    return [min(CHUNK, number - start) for start in range(0, number, CHUNK)]
