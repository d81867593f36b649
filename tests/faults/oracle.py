"""The oracle that every fault test ends with: is what clients were told the same as what the read
model shows?"""

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import psycopg

from cqrs_demo.messaging.broker import INVOICE_SERVICE, SUBSCRIBERS, BrokerError
from cqrs_demo.messaging.connect import broker_for

if TYPE_CHECKING:
    from tests.faults.shop import FaultyShop

READ_MODEL = """
select l.order_id, i.user_id, l.description, l.amount, to_char(i.invoice_dt at time zone 'utc',
    'YYYY-MM')
from demo.invoice_lines as l left join demo.invoices as i using (invoice_id)
where l.status = 'approved'
"""
WRONG_TOTALS = """
select i.invoice_id, i.total, coalesce(sum(l.amount), 0)
from demo.invoices as i
left join demo.invoice_lines as l on l.invoice_id = i.invoice_id and l.status = 'approved'
group by i.invoice_id, i.total having i.total is distinct from coalesce(sum(l.amount), 0)
"""
RESERVED = """
select id, user_id, amount from demo.orders where status = 'approved' and needs_credit
"""
TWO_OUTCOMES = """
select subject, array_agg(split_part(type, '.', 2)) from demo.events
where type in ('order.approved', 'order.rejected', 'order.cancelled')
group by subject
having count(*) <> count(distinct type) or bool_or(type = 'order.rejected') and count(*) > 1
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
        return [
            *_stuck(shop),
            *_unwell(shop),
            *_write_side(shop),
            *_sagas(shop),
            *_read_model(shop),
        ]
    except (psycopg.OperationalError, BrokerError, httpx.HTTPError) as error:
        return [f"service, database or broker away: {error}"]


def _read_model(shop: "FaultyShop") -> list[str]:
    approved = _with_status(shop, "approved")
    promised = {
        (id, o.user_id, o.description, o.amount, o.month)
        for id, o in list(shop.ledger.orders.items())
        if id in approved
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
    total = sum((amount for _, _, _, amount, _ in promised), Decimal(0))
    [(shown_total,)] = shop.rows(
        "invoice-service", "select coalesce(sum(total), 0) from demo.invoices"
    )
    return wrong + (
        [f"clients ordered for {total} that was approved, the invoices amount to {shown_total}"]
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


def _with_status(shop: "FaultyShop", *statuses: str) -> set[int]:
    query = "select id from demo.orders where status = any(%s)"
    return {id for (id,) in shop.rows("order-service", query, list(statuses))}


def _sagas(shop: "FaultyShop") -> list[str]:
    """What was accepted is approved, rejected or cancelled, once; and the credit in use is that of
    the approved orders, to the cent."""
    wrong = [f"order {id} is pending" for id in sorted(_with_status(shop, "pending"))[:1]]
    ended = _with_status(shop, "approved", "rejected", "cancelled")
    wrong += _compare("accepted order", set(shop.ledger.orders), ended)
    wrong += [
        f"order {id} has the outcomes {told}"
        for id, told in shop.rows("order-service", TWO_OUTCOMES)
    ]
    needed = shop.rows("order-service", RESERVED)
    held = "select order_id, user_id, amount from demo.reservations where state = 'reserved'"
    wrong += _compare("reservation", set(needed), set(shop.rows("payment-service", held)))
    sums: dict[int, Decimal] = {}
    for _, user, amount in needed:
        sums[user] = sums.get(user, Decimal(0)) + amount
    in_use = "select user_id, reserved from demo.credits where reserved <> 0"
    return wrong + _compare(
        "sum of credit", set(sums.items()), set(shop.rows("payment-service", in_use))
    )


def _write_side(shop: "FaultyShop") -> list[str]:
    """State, log and outbox agree, and each event was counted once: the inbox holds the logs'
    events and no others."""
    wrong: list[str] = []
    logged: dict[str, set[Any]] = {}
    for service in ("user-service", "order-service", "payment-service"):
        answer = httpx.get(f"{shop[service].url}/verify", timeout=30)
        wrong += [
            f"{table['table']} differs from the log of {service}: {table['differences'][:1]}"
            for table in answer.json()
            if answer.status_code == 200 and table["drift"]
        ]
        for id, topic in shop.rows(service, "select id, split_part(type, '.', 1) from demo.events"):
            logged.setdefault(topic, set()).add(id)
        if waiting := shop.outbox(service):
            wrong.append(f"{waiting} event(s) wait in the outbox of {service}")
    for subscriber in SUBSCRIBERS:
        counted = {
            id for (id,) in shop.rows(subscriber.name, "select event_id from demo.processed_events")
        }
        events = set().union(*(logged.get(topic, set()) for topic in subscriber.topics))
        strangers = shop.strangers if subscriber is INVOICE_SERVICE else set()
        wrong += _compare(f"event counted by {subscriber.name}", events | strangers, counted)
    return wrong


def _stuck(shop: "FaultyShop") -> list[str]:
    wrong = [
        f"{count} messages wait in queue {queue}"
        for queue, count in depths(shop.broker_url).items()
        if count
    ]
    waiting = "select reason from demo.dead_letters where status = 'waiting'"
    return wrong + [
        f"set aside by {subscriber.name}: {reason}"
        for subscriber in SUBSCRIBERS
        for (reason,) in shop.rows(subscriber.name, waiting)
    ]


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
            found: dict[str, int] = {}
            for subscriber in SUBSCRIBERS:
                found |= await broker.depths(subscriber)
            return found
        finally:
            await broker.close()

    return asyncio.run(ask())
