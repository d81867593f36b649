"""Others speak the language too: a foreign AMQP client publishes our events, and the public
CloudEvents library reads them."""

import json
import os
import random
import shutil
import subprocess
from decimal import Decimal

import pytest

from cqrs_demo.messaging.queues import EXCHANGE
from tests.fixtures.shop import Shop, eventually


@pytest.fixture
def amqp_publish() -> str:
    """The program from Debian's amqp-tools."""
    program = shutil.which("amqp-publish")
    if program is None and os.environ.get("CI") == "true":
        pytest.fail(
            "amqp-publish (Debian's amqp-tools) is not installed, and CI is where this test must "
            "run"
        )
    if program is None:
        pytest.skip("amqp-publish (Debian's amqp-tools) is not installed")
    return program


@pytest.mark.parametrize("broker_url", ["rabbitmq"], indirect=True)  # PGMQ does not speak AMQP
def test_events_that_a_foreign_client_publishes_shuffled_and_three_times_each_count_once(
    shop: Shop, amqp_publish: str
) -> None:
    # Given the events of users, accounts and orders, which our own relays hold back
    for service, control in (
        ("user-service", "relay"),
        ("order-service", "relay"),
        ("invoice-service", "consumer"),
    ):
        assert shop.put(service, f"/{control}", {"mode": "paused"}).status_code == 200
    users = [shop.create_user(f"User {n}", f"user{n}@demo.com").json()["id"] for n in range(3)]
    for user in users * 2:
        shop.create_account(user, zip=str(user))
    for n in range(30):
        shop.place_order(users[n % 3], amount=n + 0.25, when=f"2025-0{n % 2 + 4}-15T10:00:00Z")
    log = [
        json.loads(line)
        for service in ("user-service", "order-service")
        for line in shop.get(service, "/events").content.splitlines()
    ]

    # When somebody else publishes each of them three times, in random order
    chance = random.Random(7)
    deck = log * 3
    chance.shuffle(deck)
    for topic in ("order", "account", "user"):
        mine = [json.dumps(event) for event in deck if event["type"] == f"{topic}.created"]
        with subprocess.Popen(
            [
                amqp_publish,
                f"--url={shop.broker_url.rstrip('/')}",
                f"--exchange={EXCHANGE}",
                f"--routing-key={topic}.created",
                "-l",
            ],
            stdin=subprocess.PIPE,
            text=True,
        ) as program:
            assert program.stdin is not None
            program.stdin.write("\n".join(mine) + "\n")
            program.stdin.flush()
            # It waits for no confirm: what is on its way when it hangs up may be lost
            eventually(lambda topic=topic, mine=mine: queued(shop)[topic] == len(mine))
        assert program.returncode == 0
    shop.put("invoice-service", "/consumer", {"mode": "running"})

    # Then each counts once, and so it stays when our own relays publish them again
    eventually(lambda: totals(shop) == expected())
    for service in ("user-service", "order-service"):
        shop.put(service, "/relay", {"mode": "running"})
    eventually(lambda: duplicates(shop) >= 3 * len(log), says=lambda: duplicates(shop))
    assert totals(shop) == expected()
    assert shop.get("invoice-service", "/dead-letters").json() == []


def queued(shop: Shop) -> dict[str, int]:
    waiting: dict[str, int] = shop.get("invoice-service", "/consumer").json()["queues"]
    return waiting


def duplicates(shop: Shop) -> int:
    return int(shop.get("invoice-service", "/consumer").json()["counts"]["duplicate"])


def totals(shop: Shop) -> list[tuple[object, ...]]:
    return shop.databases.rows(
        "invoice_service",
        "select user_id, email, shipping_address, total from demo.invoices order by 1, invoice_dt",
    )


def expected() -> list[tuple[object, ...]]:
    rows = []
    for place in range(3):
        for month in range(2):
            amounts = [
                Decimal(n) + Decimal("0.25") for n in range(30) if n % 3 == place and n % 2 == month
            ]
            rows.append(
                (
                    place + 1,
                    f"user{place}@demo.com",
                    f"123 Main St, Cityville, ST {place + 1}",
                    sum(amounts),
                )
            )
    return rows
