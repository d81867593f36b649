"""The oracle that every fault test ends with: is what clients were told the same as what the read
model shows?"""

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg

from cqrs_demo.messaging.broker import INVOICE_SERVICE, BrokerError
from cqrs_demo.messaging.connect import broker_for

if TYPE_CHECKING:
    from tests.faults.shop import FaultyShop

READ_MODEL = """
select l.order_id, i.user_id, l.description, l.amount, to_char(i.invoice_dt at time zone 'utc',
    'YYYY-MM')
from demo.invoice_lines as l left join demo.invoices as i using (invoice_id)
"""
WRONG_TOTALS = """
select i.invoice_id, i.total, sum(l.amount)
from demo.invoices as i left join demo.invoice_lines as l using (invoice_id)
group by i.invoice_id, i.total having i.total is distinct from sum(l.amount)
"""
WRONG_HEADS = """
select i.user_id from demo.invoices as i join demo.invoice_account as a using (user_id)
where (i.email, i.shipping_address) is distinct from (a.email, a.shipping_address)
"""


def differences(shop: "FaultyShop") -> list[str]:
    """One line for everything that is not as it must be; empty when all is well."""
    try:
        # The read model is looked at last: nothing can change it any more once nothing is on its
        # way.
        return [*_stuck(shop), *_unwell(shop), *_write_side(shop), *_read_model(shop)]
    except (psycopg.OperationalError, BrokerError) as error:
        return [f"database or broker away: {error}"]


def _read_model(shop: "FaultyShop") -> list[str]:
    promised = {
        (id, o.user_id, o.description, o.amount, o.month)
        for id, o in list(shop.ledger.orders.items())
    }
    shown = set(shop.rows("invoice-service", READ_MODEL))
    accounts = dict(
        _pairs(
            shop.rows(
                "invoice-service",
                "select user_id, email, shipping_address from demo.invoice_account",
            )
        )
    )
    wrong = _compare("order", promised, shown)
    wrong += _compare(
        "email",
        set(shop.ledger.users.items()),
        {(id, email) for id, (email, _) in accounts.items() if email},
    )
    wrong += _compare(
        "address",
        set(shop.ledger.addresses.items()),
        {(id, address) for id, (_, address) in accounts.items() if address},
    )
    wrong += [
        f"invoice {id} has the total {total}, its lines sum up to {lines}"
        for id, total, lines in shop.rows("invoice-service", WRONG_TOTALS)
    ]
    wrong += [
        f"an invoice of user {id} has an old email or address"
        for (id,) in shop.rows("invoice-service", WRONG_HEADS)
    ]
    total = sum((order.amount for order in list(shop.ledger.orders.values())), Decimal(0))
    [(shown_total,)] = shop.rows(
        "invoice-service", "select coalesce(sum(total), 0) from demo.invoices"
    )
    return wrong + (
        [f"clients ordered for {total}, the invoices amount to {shown_total}"]
        if total != shown_total
        else []
    )


def _pairs(rows: list[tuple[Any, ...]]) -> list[tuple[Any, tuple[Any, ...]]]:
    return [(key, tuple(rest)) for key, *rest in rows]


def _compare(what: str, promised: set[Any], shown: set[Any]) -> list[str]:
    missing, surplus = promised - shown, shown - promised
    return [
        f"{len(some)} {what}(s) {how}, such as {min(some)}"
        for some, how in ((missing, "missing"), (surplus, "too many"))
        if some
    ]


def _write_side(shop: "FaultyShop") -> list[str]:
    """State, log and outbox agree, and each event was counted once: the inbox holds the logs'
    events and no others."""
    wrong = []
    logged: set[Any] = set()
    for service, tables in (
        ("user-service", ("users", "accounts")),
        ("order-service", ("orders",)),
    ):
        facts = {
            id
            for table in tables
            for (id,) in shop.rows(service, f"select event_id from demo.{table}")
        }
        events = {id for (id,) in shop.rows(service, "select id from demo.events")}
        wrong += _compare(f"event of {service}", facts, events)
        logged |= events
        if waiting := shop.outbox(service):
            wrong.append(f"{waiting} event(s) wait in the outbox of {service}")
    counted = {
        id for (id,) in shop.rows("invoice-service", "select event_id from demo.processed_events")
    }
    return wrong + _compare("counted event", logged | shop.strangers, counted)


def _stuck(shop: "FaultyShop") -> list[str]:
    wrong = [
        f"{count} messages wait in queue {queue}"
        for queue, count in depths(shop.broker_url).items()
        if count
    ]
    dead = shop.rows(
        "invoice-service", "select reason from demo.dead_letters where status = 'waiting'"
    )
    return wrong + [f"set aside: {reason}" for (reason,) in dead]


def _unwell(shop: "FaultyShop") -> list[str]:
    said = {
        f"{name} at {service.port}": service.health()
        for name, copies in shop.services.items()
        for service in copies
    }
    return [
        f"{name} says {health}"
        for name, health in said.items()
        if health is None or health["status"] != "ok"
    ]


def depths(broker_url: str) -> dict[str, int]:
    """Messages in each queue. On PGMQ those in hand, too; on RabbitMQ these are ready again as soon
    as their consumer is gone."""
    if broker_url.startswith("postgresql"):
        with psycopg.connect(broker_url) as connection:
            return dict(
                connection.execute(
                    "select queue_name, queue_length from pgmq.metrics_all()"
                ).fetchall()
            )

    async def ask() -> dict[str, int]:
        broker = broker_for(broker_url)
        try:
            return await broker.depths(INVOICE_SERVICE)
        finally:
            await broker.close()

    return asyncio.run(ask())
