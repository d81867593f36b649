"""Messages that cannot be applied, whatever is wrong with them, between messages that can."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import aiormq

from cqrs_demo.messaging.broker import Message
from cqrs_demo.messaging.connect import broker_for
from cqrs_demo.messaging.queues import EXCHANGE
from tests.faults.processes import restarted_when_it_dies
from tests.faults.queues import consumer_paused
from tests.faults.shop import FaultyShop
from tests.fixtures.shop import eventually


def event(id: UUID | None = None, **changes: object) -> bytes:
    data = {
        "id": 10**9,
        "user_id": 1,
        "description": "Widget",
        "amount": 5.00,
        "purchase_dt": "2025-04-03T10:00:00Z",
    }
    envelope = {
        "specversion": "1.0",
        "id": str(id or uuid4()),
        "source": "/order-service",
        "type": "order.created",
        "subject": "1",
    }
    return json.dumps(
        {**envelope, "time": "2025-04-03T10:00:00Z", "sequence": "1", "data": {**data, **changes}}
    ).encode()


JSON = {  # what both brokers carry
    b'{"hello": "world"}': "not a CloudEvent",
    b"[" * 60 + b"]" * 60: "not a CloudEvent",
    b'"' + b"x" * 1_000_000 + b'"': "not a CloudEvent",
    event(amount="much"): "data.amount: Input should be a valid decimal",
    event(user_id=-1): "data.user_id: Input should be greater than or equal to 1",
    event(description=None): "data.description: Input should be a valid string",
}
BYTES = {  # what only RabbitMQ carries
    b"": "not JSON",
    b"hello": "not JSON",
    b"\x00\xff\xfe": "not JSON",
    event()[:-1]: "not JSON",
    b"x" * 1_000_000: "not JSON",
}


def send(shop: FaultyShop, *bodies: bytes) -> None:
    async def publish() -> None:
        broker = broker_for(shop.broker_url)
        await broker.publish([Message("order.created", str(uuid4()), body) for body in bodies])
        await broker.close()

    async def publish_anything() -> None:
        async with aiormq.connect(shop.broker_url) as connection:
            channel = await connection.channel()
            for body in bodies:
                await channel.basic_publish(body, exchange=EXCHANGE, routing_key="order.created")

    asyncio.run(publish_anything() if shop.kind == "rabbitmq" else publish())


def reasons(shop: FaultyShop) -> list[str]:
    return sorted(
        reason
        for (reason,) in shop.rows(
            "invoice-service", "select reason from demo.dead_letters where status = 'waiting'"
        )
    )


def discard(shop: FaultyShop) -> None:
    """What an operator would do, once they have looked."""
    shop.rows(
        "invoice-service",
        "update demo.dead_letters set status = 'discarded', settled_at = now() where status = "
        "'waiting'",
    )


def test_what_is_no_event_is_set_aside_whole_and_its_neighbours_in_the_batch_flow(
    shop: FaultyShop,
) -> None:
    poison = JSON if shop.kind == "pgmq" else JSON | BYTES
    # Given poison of every kind between good messages, in one batch
    with consumer_paused(shop):
        for body in poison:
            send(shop, body)
            shop.client.order(shop.users[0])
        eventually(lambda: shop.outbox() == 0)
    # When it is consumed
    eventually(lambda: len(reasons(shop)) >= len(poison))
    # Then each stands in demo.dead_letters with its reason, its body, its stack and its count
    assert reasons(shop) == sorted(poison.values())
    kept = shop.rows(
        "invoice-service",
        "select body, error, failures from demo.dead_letters where status = 'waiting'",
    )
    assert sorted(plain(body) for body, _, _ in kept) == sorted(plain(body) for body in poison)
    assert all("DecodeError" in error and failures == 1 for _, error, failures in kept)
    # And the neighbours are on their invoices
    discard(shop)
    shop.assert_nothing_lost_nothing_doubled()


def plain(body: bytes) -> bytes:
    """PGMQ keeps JSON, not its spelling."""
    try:
        return json.dumps(json.loads(body), sort_keys=True).encode()
    except ValueError:
        return body


def test_a_message_that_makes_the_handler_raise_is_set_aside_alone(shop: FaultyShop) -> None:
    # Given a read model that refuses one order of many
    with consumer_paused(shop):
        orders = [shop.client.order(user) for user in shop.users * 5]
        shop.rows(
            "invoice-service",
            "alter table demo.invoice_lines add constraint no_such check (order_id <> "
            f"{orders[7]})",
        )
        eventually(lambda: shop.outbox() == 0)
    # When they are consumed together
    eventually(lambda: len(reasons(shop)) == 1)
    # Then all the others are applied
    eventually(lambda: shop.lines(*orders) == len(orders) - 1)
    assert "no_such" in reasons(shop)[0]
    [(error,)] = shop.rows(
        "invoice-service", "select error from demo.dead_letters where status = 'waiting'"
    )
    assert "Traceback" in error
    # And that one too, once, when the cause is gone and an operator retries
    shop.rows("invoice-service", "alter table demo.invoice_lines drop constraint no_such")
    assert shop.retry_dead_letters() == {"applied": 1, "failed": 0}
    shop.assert_nothing_lost_nothing_doubled()


HANDLING = (
    "select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"
)


@contextmanager
def killed_when(shop: FaultyShop, moment: str) -> Iterator[None]:
    """Kills invoice-service, with its sessions, whenever the query finds that the moment is
    there."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            if pids := shop.rows("invoice-service", moment):
                shop["invoice-service"].kill()
                shop.skip_hiding()
                for (pid,) in pids:
                    shop.rows("invoice-service", "select pg_terminate_backend(%s)", pid)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def test_a_message_that_kills_the_process_every_time_is_set_aside_and_its_neighbours_are_not(
    shop: FaultyShop,
) -> None:
    killers = 2
    # Given messages the handling of which is the death of the process, among others in one batch
    service = shop["invoice-service"]
    with consumer_paused(shop):
        orders = [shop.client.order(user) for user in shop.users * 3]
        deadly = orders[5 : 5 + killers]
        shop.rows("invoice-service", DEADLY.replace("{deadly}", ",".join(map(str, deadly))))
        eventually(lambda: shop.outbox() == 0)
    # When it is started again after each death
    with restarted_when_it_dies(service) as deaths, killed_when(shop, HANDLING):
        eventually(lambda: len(reasons(shop)) == killers, seconds=120)
    # Then its killers are set aside, and nobody else
    assert len(deaths) <= 2 + 3 * killers
    assert reasons(shop) == ["gave up: handling it ended the process 3 times"] * killers
    eventually(lambda: shop.lines(*orders) == len(orders) - killers)
    # And they count once, when the cause is gone and an operator retries
    shop.rows(
        "invoice-service", "drop trigger deadly on demo.invoice_lines; drop function demo.deadly"
    )
    assert shop.retry_dead_letters() == {"applied": killers, "failed": 0}
    shop.assert_nothing_lost_nothing_doubled()


DEADLY = """
create function demo.deadly() returns trigger language plpgsql as $$
begin
    if new.order_id in ({deadly}) then perform pg_sleep(60); end if;
    return new;
end $$;
create trigger deadly before insert on demo.invoice_lines
    for each row execute function demo.deadly()
"""
