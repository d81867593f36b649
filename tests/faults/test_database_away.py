"""The databases restart, end every session, refuse connections, run out of connections, or of
disk."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.faults.shop import DATABASE, FaultyShop, on_pgmq
from tests.fixtures.shop import eventually


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_postgresql_restarted_under_load_loses_nothing(shop: FaultyShop, how: str) -> None:
    with shop.load(rate=100):
        shop.after_orders(40)
        # When all three databases end at once, orderly or as when the power goes, and come back
        getattr(shop.postgres, how)()
        shop.postgres.start()
        shop.after_orders(40)
    shop.assert_nothing_lost_nothing_doubled()


@on_pgmq
def test_all_backends_terminated_again_and_again_loses_nothing(shop: FaultyShop) -> None:
    with shop.load(rate=100):
        for _ in range(4):
            shop.after_orders(25)
            for service in DATABASE:
                shop.end_sessions(service)
    shop.assert_nothing_lost_nothing_doubled()


@on_pgmq
def test_while_connections_are_refused_commands_fail_cleanly_and_afterwards_succeed(
    shop: FaultyShop,
) -> None:
    with shop.load(rate=60):
        shop.after_orders(20)
        # When no database takes connections for a while
        for wire in shop.to_database.values():
            wire.refuse()
        eventually(lambda: shop.ledger.answered[503] > 0, seconds=20)
        eventually(
            lambda: (
                shop.unwell("invoice-service", "database") and shop.unwell("order-service", "relay")
            )
        )
        for wire in shop.to_database.values():
            wire.flow()
        # Then clients are served again
        shop.after_orders(40)
    assert set(shop.ledger.answered) <= {201, 503, None}
    shop.assert_nothing_lost_nothing_doubled()


@on_pgmq
def test_the_query_side_without_its_database_keeps_nobody_else_from_working(
    shop: FaultyShop,
) -> None:
    with shop.load(rate=60):
        shop.to_database["invoice-service"].refuse()
        answered = shop.ledger.answered.copy()
        shop.after_orders(150)
        # Then no command fails for it
        assert shop.ledger.answered - answered == {201: (shop.ledger.answered - answered)[201]}
        shop.to_database["invoice-service"].flow()
    shop.assert_nothing_lost_nothing_doubled()


@on_pgmq
def test_after_a_storm_of_cancelled_requests_has_used_up_every_connection_all_are_served_again(
    shop: FaultyShop,
) -> None:
    order = shop.client.order(shop.users[0])
    month = shop.ledger.orders[order].month
    which = f"user_id={shop.users[0]}&month={month[5:].lstrip('0')}&year={month[:4]}"
    query = f"{shop['invoice-service'].url}/invoices?{which}"
    eventually(lambda: httpx.get(query).status_code == 200)
    # Given a database in which every query waits
    with shop.transaction("invoice-service") as lock:
        lock.execute("lock table demo.invoices")
        # When hundreds ask, and leave before they are answered
        threads = [threading.Thread(target=asks_and_leaves, args=[query]) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    # Then the next ones are served
    eventually(lambda: httpx.get(query, timeout=5).status_code == 200)
    with shop.load(rate=60):
        shop.after_orders(20)
    shop.assert_nothing_lost_nothing_doubled()


def asks_and_leaves(query: str) -> None:
    for _ in range(15):
        with suppress(httpx.HTTPError):
            httpx.get(query, timeout=0.05)


@on_pgmq
@pytest.mark.parametrize("service", ["order-service", "invoice-service"])
def test_a_full_disk_leaves_nothing_half_written(
    shop: FaultyShop, service: str, small_disk: Path
) -> None:
    # Given a table on a disk that is as good as full
    table = {"order-service": "demo.orders", "invoice-service": "demo.invoice_lines"}[service]
    shop.rows(service, f"create tablespace small location '{small_disk}'")
    try:
        shop.rows(service, f"alter table {table} set tablespace small")
        filler = small_disk / "filler"
        with shop.load(rate=100):
            shop.after_orders(20)
            fill(filler)
            # When more is ordered than it holds: commands, or the projection, fail cleanly
            eventually(lambda: complains(shop, service), seconds=60)
            # And somebody makes room
            filler.unlink()
            shop.after_orders(20)
        # Then
        assert set(shop.ledger.answered) <= {201, 503, None}
        shop.assert_nothing_lost_nothing_doubled()
    finally:
        (small_disk / "filler").unlink(missing_ok=True)
        shop.rows(service, f"alter table {table} set tablespace pg_default")
        shop.rows(service, "drop tablespace small")


def complains(shop: FaultyShop, service: str) -> bool:
    if service == "invoice-service":
        return shop.unwell("invoice-service", "consumer")
    return shop.ledger.answered[503] > 0


def fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        for piece in (65536, 4096, 512):
            try:
                while True:
                    file.write(b"\0" * piece)
            except OSError:
                continue


@pytest.fixture
def small_disk(shop: FaultyShop, tmp_path: Path) -> Iterator[Path]:
    """A few megabytes for a tablespace of the shop's PostgreSQL. Only root can mount one."""
    folder = shop.postgres.folder / "small"
    folder.mkdir(exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        shop.postgres.owns(folder)
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
