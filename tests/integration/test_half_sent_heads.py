"""A client that does not finish the head of its request does not keep its connection."""

import socket
from urllib.parse import urlsplit

import pytest

from cqrs_demo.http import one_write
from tests.fixtures.shop import Shop


def connected(shop: Shop) -> socket.socket:
    address = urlsplit(shop.urls["order-service"])
    return socket.create_connection((address.hostname, address.port), timeout=10)


@pytest.mark.parametrize("sent", [b"", b"GET /order-service/hea", b"GET / HTTP/1.1\r\nHost: a"])
def test_a_head_that_does_not_come_whole_ends_the_connection(
    shared_shop: Shop, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(one_write, "HEAD_TIMEOUT", 0.3)
    with connected(shared_shop) as line:
        line.sendall(sent)
        assert line.recv(100) == b""


def test_an_idle_connection_stays_and_its_next_head_is_limited(
    shared_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_write, "HEAD_TIMEOUT", 0.3)
    request = b"GET /order-service/orders/1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connected(shared_shop) as line:
        # Given a connection that was idle for longer than a head may take
        line.sendall(request)
        assert line.recv(10_000).startswith(b"HTTP/1.1 ")
        line.settimeout(1)
        with pytest.raises(TimeoutError):
            line.recv(1)
        # Then it still serves
        line.settimeout(10)
        line.sendall(request)
        assert line.recv(10_000).startswith(b"HTTP/1.1 ")
        # And a half-sent head ends it
        line.sendall(request[:20])
        assert line.recv(100) == b""
