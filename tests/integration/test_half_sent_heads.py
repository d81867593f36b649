"""A client that does not finish the head of its request does not keep its connection."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import uvicorn

from cqrs_demo.http import head_limit
from cqrs_demo.http.service import server_config
from cqrs_demo.order_service.server import build
from cqrs_demo.tooling.runtime.ports import free_port
from tests.fixtures.shop import Shop, eventually


def connected(shop: Shop) -> socket.socket:
    address = urlsplit(shop.urls["order-service"])
    return socket.create_connection((address.hostname, address.port), timeout=10)


@contextmanager
def served(config: uvicorn.Config) -> Iterator[None]:
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started)
    yield
    server.should_exit = True
    thread.join(10)


REQUEST = b"GET /order-service/orders/1 HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("sent", [b"GET /order-service/hea", b"GET / HTTP/1.1\r\nHost: a"])
def test_a_head_that_does_not_come_whole_ends_the_connection(
    shared_shop: Shop, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(head_limit, "HEAD_TIMEOUT", 0.3)
    with connected(shared_shop) as line:
        line.sendall(sent)
        assert line.recv(100) == b""


def test_an_idle_connection_stays_and_its_next_head_is_limited(
    shared_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_limit, "HEAD_TIMEOUT", 0.3)
    with connected(shared_shop) as line:
        # Given a connection that was idle for longer than a head may take
        line.sendall(REQUEST)
        assert line.recv(10_000).startswith(b"HTTP/1.1 ")
        line.settimeout(1)
        with pytest.raises(TimeoutError):
            line.recv(1)
        # Then it still serves
        line.settimeout(10)
        line.sendall(REQUEST)
        assert line.recv(10_000).startswith(b"HTTP/1.1 ")
        # And a half-sent head ends it
        line.sendall(REQUEST[:20])
        assert line.recv(100) == b""


def test_a_head_that_comes_in_drops_has_no_longer_than_one_that_stops(
    shared_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_limit, "HEAD_TIMEOUT", 0.5)
    with connected(shared_shop) as line:
        line.sendall(b"GET / HTTP/1.1\r\n")
        line.settimeout(0.05)

        def cut_off() -> bool:
            try:
                line.sendall(b"x: y\r\n")
                return line.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        eventually(cut_off)


@pytest.mark.parametrize("asked", [b"", REQUEST])
@pytest.mark.parametrize("then", [b"", b"\r\n"])
def test_a_connection_on_which_no_request_comes_is_closed(
    shared_shop: Shop, asked: bytes, then: bytes
) -> None:
    # Given a service that keeps idle connections for a second
    config = server_config(build(shared_shop.settings()))
    config.timeout_keep_alive, config.port = 1, free_port()
    with (
        served(config),
        socket.create_connection(("127.0.0.1", config.port), timeout=10) as line,
    ):
        # When a client sends nothing, or a line end that begins no request
        line.sendall(asked)
        assert not asked or line.recv(10_000)
        line.sendall(then)
        # Then its connection ends
        assert line.recv(100) == b""


def test_half_a_head_behind_a_request_cuts_off_no_answer(
    shared_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_limit, "HEAD_TIMEOUT", 0.2)
    address = urlsplit(shared_shop.urls["invoice-service"])
    never = f"after_event={uuid4()}&wait=1.5"
    waits = f"GET {address.path}/invoices?user_id=1&month=4&year=2025&{never} HTTP/1.1\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=10) as line:
        # Given an answer that takes longer than a head may
        # When half of the next request comes before it
        line.sendall(waits.encode() + b"Host: localhost\r\n\r\n" + REQUEST[:20])
        # Then the answer arrives, and only after it the connection ends
        assert line.recv(10_000).startswith(b"HTTP/1.1 503 ")
        assert line.recv(100) == b""


def test_head_of_a_feed_without_an_end_is_answered_and_ends(shared_shop: Shop) -> None:
    head = b"HEAD /order-service/events?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connected(shared_shop) as line:
        # When somebody asks for the head of an answer that has no end
        line.sendall(head)
        answer = line.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"\r\n\r\n")
        # Then the connection is free for the next request
        line.sendall(REQUEST.replace(b"/orders/1", b"/healthcheck"))
        assert line.recv(10_000).startswith(b"HTTP/1.1 200 ")
