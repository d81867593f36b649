"""Who gets in, and how much of them: the token, and clients that are slow, huge, many or gone."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from fastapi import FastAPI

from cqrs_demo.http import admission
from cqrs_demo.http.service import server_config
from cqrs_demo.settings import Settings
from tests.fixtures.answers import assert_problem
from tests.fixtures.shop import PREFIXES, Shop, eventually

TOKEN = "a-token-of-enough-length"
ORDER = json.dumps({"user_id": 1, "description": "Widget", "amount": 5}).encode()


@pytest.fixture(scope="module")
def guarded(shared_shop: Shop) -> Iterator[dict[str, str]]:
    """Copies of the three services that want a token, and are no workshop."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(shared_shop.running(name, api_token=TOKEN, workshop=False))
            for name in PREFIXES
        }


PATHS = ["/healthcheck", "/users", "/orders", "/invoices", "/events", "/nothing", "/dead-letters"]
OUTSIDE = ["/openapi.json", "/docs", "/redoc", "/"]


def everywhere(guarded: dict[str, str]) -> list[str]:
    hosts = {url.removesuffix(PREFIXES[name]) for name, url in guarded.items()}
    return [url + path for url in guarded.values() for path in PATHS] + [
        host + path for host in hosts for path in OUTSIDE
    ]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
def test_without_the_token_nothing_is_served(
    shared_shop: Shop, guarded: dict[str, str], method: str
) -> None:
    for url in everywhere(guarded):
        answer = shared_shop.client.request(method, url)
        assert answer.status_code == 401, url
        assert answer.headers["www-authenticate"] == "Bearer"
        if method != "HEAD":
            assert_problem(answer, 401, "unauthorized")
            assert TOKEN not in answer.text


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN.upper()}",
        f"Bearer  {TOKEN}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer \xff\xfe",
    ],
)
def test_a_wrong_token_is_as_good_as_none(
    shared_shop: Shop, guarded: dict[str, str], header: str
) -> None:
    headers = {b"Authorization": header.encode("latin-1")}
    assert_problem(
        shared_shop.client.get(guarded["order-service"] + "/healthcheck", headers=headers),
        401,
        "unauthorized",
    )


def test_with_the_token_everything_is_served(shared_shop: Shop, guarded: dict[str, str]) -> None:
    with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        for url in guarded.values():
            assert client.get(url + "/healthcheck").status_code == 200
        assert (
            client.post(guarded["order-service"] + "/orders", json=json.loads(ORDER)).status_code
            == 201
        )


def test_tokens_are_compared_in_constant_time(
    monkeypatch: pytest.MonkeyPatch, shared_shop: Shop, guarded: dict[str, str]
) -> None:
    # Given an eye on hmac.compare_digest, which is what promises it (a clock could not tell
    # reliably)
    compared: list[tuple[bytes, bytes]] = []
    really = admission.hmac.compare_digest
    monkeypatch.setattr(
        admission.hmac, "compare_digest", lambda a, b: compared.append((a, b)) or really(a, b)
    )

    # When somebody comes with a token
    shared_shop.client.get(
        guarded["order-service"] + "/healthcheck", headers={"Authorization": "Bearer wrong"}
    )

    # Then that is how it was compared
    assert compared == [(b"Bearer wrong", f"Bearer {TOKEN}".encode())]


@pytest.mark.parametrize(
    ("service", "path"),
    [("user-service", "/relay"), ("order-service", "/relay"), ("invoice-service", "/consumer")],
)
def test_without_workshop_there_are_no_controls(
    guarded: dict[str, str], service: str, path: str
) -> None:
    with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        assert_problem(client.get(guarded[service] + path), 404, "not-found")
        assert_problem(
            client.put(guarded[service] + path, json={"mode": "paused"}), 404, "not-found"
        )
        assert_problem(client.post(guarded[service] + path + "/step", json={}), 404, "not-found")


def test_settings_do_not_show_the_token(shared_shop: Shop) -> None:
    settings: Settings = shared_shop.settings(api_token=TOKEN)
    assert TOKEN not in repr(settings)
    assert TOKEN not in str(settings.model_dump())


def connection_to(url: str) -> socket.socket:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return socket.create_connection((parts.hostname, parts.port), timeout=30)


def head(length: int | str, path: str = "/order-service/orders") -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
        f"application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def answer_of(line: socket.socket) -> bytes:
    """All that comes until the service closes the connection."""
    received = b""
    while piece := line.recv(65_536):
        received += piece
    return received


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time for a body, shortened so that a test can wait for its end."""
    monkeypatch.setattr(admission, "BODY_TIMEOUT", 1.0)


@pytest.mark.usefixtures("impatient")
def test_a_body_that_does_not_arrive_is_cut_off_and_holds_up_nobody(shared_shop: Shop) -> None:
    # Given fifty clients that send half a body and then nothing
    url = shared_shop.urls["order-service"]
    with ExitStack() as stack:
        lines = [stack.enter_context(closing(connection_to(url))) for _ in range(50)]
        for line in lines:
            line.sendall(head(len(ORDER)) + ORDER[:20])

        # When another client comes
        # Then it is served at once
        assert shared_shop.place_order(1).status_code == 201

        # and the fifty are told so and cut off
        for line in lines:
            answer = answer_of(line)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"application/problem+json" in answer


@pytest.mark.usefixtures("impatient")
def test_a_body_that_comes_in_drops_is_cut_off_all_the_same(shared_shop: Shop) -> None:
    with closing(connection_to(shared_shop.urls["order-service"])) as line:
        line.sendall(head(60_000))
        line.settimeout(0.05)
        deadline = time.monotonic() + 15
        received = b""
        while not received and time.monotonic() < deadline:
            line.sendall(b" ")
            try:
                received = line.recv(1000)
            except TimeoutError:
                continue
    assert received.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_comes_in_pieces_in_time_is_taken(shared_shop: Shop) -> None:
    with closing(connection_to(shared_shop.urls["order-service"])) as line:
        line.sendall(head(len(ORDER)).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        for byte in ORDER:
            line.sendall(bytes([byte]))
        assert answer_of(line).startswith(b"HTTP/1.1 201 ")


def test_a_client_that_leaves_in_the_middle_of_its_body_leaves_nothing_behind(
    shared_shop: Shop,
) -> None:
    # Given the rows as they are
    count = "select count(*) from demo.orders"
    [before] = shared_shop.databases.rows("order_service", count)

    # When clients send half an order and are gone, in both ways a connection can end
    for abruptly in (False, True):
        for _ in range(20):
            line = connection_to(shared_shop.urls["order-service"])
            if abruptly:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            line.sendall(head(len(ORDER)) + ORDER[:30])
            line.close()

    # Then the service is well and has taken none of them
    assert shared_shop.get("order-service", "/healthcheck").status_code == 200
    assert [before] == shared_shop.databases.rows("order_service", count)


def test_a_client_that_leaves_before_the_answer_has_placed_its_order_all_the_same(
    shared_shop: Shop,
) -> None:
    order = json.dumps(
        {"user_id": 1, "description": "gone before the answer", "amount": 5}
    ).encode()
    line = connection_to(shared_shop.urls["order-service"])
    line.sendall(head(len(order)) + order)
    line.close()
    count = "select count(*) from demo.orders where description = 'gone before the answer'"
    eventually(lambda: shared_shop.databases.rows("order_service", count) == [(1,)])


def test_a_body_of_100_megabytes_is_refused_before_it_is_read(shared_shop: Shop) -> None:
    # When a client announces 100 MB and sends only the head
    with closing(connection_to(shared_shop.urls["order-service"])) as line:
        line.sendall(head(100_000_000))

        # Then it has its answer already
        assert answer_of(line).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_an_endless_body_takes_no_memory(shared_shop: Shop, method: str) -> None:
    # Given eight clients that send without end, and do not say how much
    stop = threading.Event()
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    sent = 0

    def pour() -> None:
        nonlocal sent
        line = connection_to(shared_shop.urls["order-service"])
        line.settimeout(0.5)
        try:
            line.sendall(
                f"{method} /order-service/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                "application/json\r\n"
                "Transfer-Encoding: chunked\r\n\r\n".encode()
            )
            while not stop.is_set() and sent < 400_000_000:
                line.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass  # cut off, or no longer read: either will do
        finally:
            line.close()

    before = psutil.Process().memory_info().rss
    clients = [threading.Thread(target=pour) for _ in range(8)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(30)
    stop.set()

    # Then the process has not grown by what they sent, and others are served
    assert psutil.Process().memory_info().rss - before < 64 * 1024 * 1024
    assert shared_shop.place_order(1).status_code == 201


def test_a_thousand_idle_connections_leave_room_for_others(shared_shop: Shop) -> None:
    url = shared_shop.urls["invoice-service"]
    request = b"GET /invoice-service/users/1/invoices HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with ExitStack() as stack:
        # Given a thousand clients that have asked once and keep their connection
        for _ in range(1_000):
            line = stack.enter_context(closing(connection_to(url)))
            line.sendall(request)
            assert line.recv(12) == b"HTTP/1.1 200"

        # When others come
        # Then they are served
        assert shared_shop.get("invoice-service", "/healthcheck").status_code == 200
        with closing(connection_to(url)) as another:
            another.sendall(request)
            assert another.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xff\x16\x03\x01\r\n\r\n",
        b"GET /order-service/healthcheck\r\n\r\n",
        b"GET /order-service/healthcheck HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /order-service/orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
        + b"9" * 5_000
        + b"\r\n\r\n",
        b"POST /order-service/orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
        b"5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /order-service/\xff\xfe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET /order-service/events?after=\xff HTTP/1.1\r\nHost: localhost\r\nConnection: "
        b"close\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_harms_nobody(shared_shop: Shop, garbage: bytes) -> None:
    with closing(connection_to(shared_shop.urls["order-service"])) as line:
        line.sendall(garbage)
        line.shutdown(socket.SHUT_WR)
        answer = answer_of(line)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert shared_shop.get("order-service", "/healthcheck").status_code == 200


def test_an_idle_connection_is_closed_by_the_client_and_not_while_it_sends() -> None:
    # Both sides count from the last answer. Who closes first must not be the server, which cannot
    # see what is on its way.
    expiry = httpx.Limits().keepalive_expiry
    assert expiry is not None
    assert server_config(FastAPI()).timeout_keep_alive > 2 * expiry
