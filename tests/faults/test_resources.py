"""Resources that run out: room for a line of the log, a reader of it, file descriptors."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path

import httpx
import psutil
import pytest

from tests.faults.processes import Service
from tests.faults.shop import FaultyShop, on_pgmq
from tests.fixtures.shop import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full and RLIMIT_NOFILE")

ORDERS = 100


@contextmanager
def logging_to(shop: FaultyShop, log: Path) -> Iterator[None]:
    """Every service writes its log there, for the time of the block."""
    services = [shop[name] for name in shop.services]
    usual = [service.log for service in services]
    for service in services:
        service.log = log
        service.restart()
    try:
        yield
    finally:
        for service, path in zip(services, usual, strict=True):
            service.log = path
            service.restart()


def order_without_a_key(shop: FaultyShop) -> None:
    """A client who does not retry: what is doubled, the service has doubled."""
    user = shop.users[0]
    body = {"user_id": user, "description": "Widget", "amount": 1.5}
    answer = httpx.post(f"{shop['order-service'].url}/orders", json=body, timeout=20)
    assert answer.status_code == 201, answer.text
    shop.promise(json.loads(answer.text, parse_float=Decimal))


def placed(shop: FaultyShop) -> int:
    [(count,)] = shop.rows("order-service", "select count(*) from demo.orders")
    return int(count)


@on_pgmq
def test_a_log_that_cannot_be_written_neither_doubles_an_order_nor_ends_the_relay(
    shop: FaultyShop,
) -> None:
    # Given services whose every line of the log fails for want of space
    with logging_to(shop, Path("/dev/full")):
        before = placed(shop)
        # When orders come, one by one, without keys
        for _ in range(ORDERS):
            order_without_a_key(shop)
        # Then each was placed once, and all of it flows
        assert placed(shop) - before == ORDERS
        shop.assert_nothing_lost_nothing_doubled()


@on_pgmq
def test_a_log_that_nobody_reads_any_more_decides_nothing(shop: FaultyShop, tmp_path: Path) -> None:
    # Given services that write their log into a pipe, and its reader has left
    pipe = tmp_path / "log"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with logging_to(shop, pipe):
        os.close(reader)
        # When orders come
        before = placed(shop)
        for _ in range(20):
            order_without_a_key(shop)
        # Then
        assert placed(shop) - before == 20
        shop.assert_nothing_lost_nothing_doubled()


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of a quarter of a megabyte. Skips the test where it cannot be mounted."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("a file system cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@on_pgmq
def test_a_disk_that_fills_up_and_is_freed_again_loses_nothing(
    shop: FaultyShop, tmp_path: Path
) -> None:
    # Given services whose logs are on a disk that is full
    with small_disk(tmp_path) as disk, logging_to(shop, disk / "log"):
        filler = disk / "filler"
        with filler.open("wb") as file:
            written = 1
            while written:
                try:
                    written = os.write(file.fileno(), b"x" * 4096)
                except OSError:
                    written = 0
        # When orders come, before it is freed and after
        before = placed(shop)
        for _ in range(20):
            order_without_a_key(shop)
        filler.unlink()
        for _ in range(20):
            order_without_a_key(shop)
        # Then each was placed once and is on its invoice; the log goes on, and says what it lacks
        assert placed(shop) - before == 40
        shop.assert_nothing_lost_nothing_doubled()
        eventually(lambda: b"log lines could not be written" in (disk / "log").read_bytes())


FEW = 60


@on_pgmq
@pytest.mark.parametrize("name", ["order-service", "invoice-service"])
def test_a_service_without_file_descriptors_heals_when_there_are_some_again(
    shop: FaultyShop, name: str
) -> None:
    # Given a service that may open few files, and connections that take all of them
    service = shop[name]
    process = psutil.Process(service.pid)
    _, most = process.rlimit(psutil.RLIMIT_NOFILE)
    order = shop.client.order(shop.users[0])
    process.rlimit(psutil.RLIMIT_NOFILE, (FEW, most))
    with ExitStack() as crowd:
        for _ in range(2 * FEW):
            crowd.enter_context(_connected(service))
        eventually(lambda: process.num_fds() >= FEW)
    # When they are gone
    process.rlimit(psutil.RLIMIT_NOFILE, (most, most))
    # Then everything is served again, and nothing is lost
    another = shop.client.order(shop.users[0])
    eventually(lambda: shop.lines(order, another) == 2, seconds=30)
    shop.assert_nothing_lost_nothing_doubled()


def _connected(service: Service) -> socket.socket:
    return socket.create_connection(("127.0.0.1", service.port), timeout=10)
