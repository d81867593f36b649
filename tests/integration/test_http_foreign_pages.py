"""What a web page that somebody visits can do to a shop on this machine: nothing."""

import socket
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import httpx
import pytest

from tests.fixtures.answers import assert_problem
from tests.fixtures.shop import PREFIXES, Shop

TOKEN = "a-token-of-enough-length"
CALLS = [
    ("user-service", "GET", "/events", None),
    ("user-service", "GET", "/healthcheck", None),
    ("user-service", "POST", "/users", {"name": "Mallory", "email": "mallory@evil.example"}),
    ("order-service", "POST", "/orders", {"user_id": 1, "description": "Widget", "amount": 5}),
    ("order-service", "PUT", "/relay", {"mode": "paused"}),
    ("invoice-service", "GET", "/invoices?user_id=1&month=4&year=2025", None),
    ("invoice-service", "PUT", "/consumer", {"mode": "paused"}),
    ("invoice-service", "POST", "/dead-letters/discard", {"all": True}),
    ("invoice-service", "POST", "/replay", {}),
    ("invoice-service", "DELETE", "/replay", None),
    ("invoice-service", "GET", "/nothing", None),
]


def call(
    shop: Shop, service: str, method: str, path: str, body: object, **headers: str
) -> httpx.Response:
    return shop.client.request(method, shop.urls[service] + path, json=body, headers=headers)


@pytest.mark.parametrize(("service", "method", "path", "body"), CALLS)
def test_a_site_whose_name_was_pointed_here_is_refused_everything(
    shared_shop: Shop, service: str, method: str, path: str, body: object
) -> None:
    for host in ("evil.example", "evil.example:8087", "127.0.0.1.evil.example"):
        answer = call(shared_shop, service, method, path, body, Host=host, Origin=f"http://{host}")
        assert_problem(answer, 421, "misdirected-request")
        assert_problem(
            call(shared_shop, service, method, path, body, Host=host), 421, "misdirected-request"
        )


@pytest.mark.parametrize(("service", "method", "path", "body"), CALLS)
def test_a_page_from_elsewhere_is_refused_everything(
    shared_shop: Shop, service: str, method: str, path: str, body: object
) -> None:
    for origin in ("https://evil.example", "http://localhost.evil.example", "null"):
        assert_problem(
            call(shared_shop, service, method, path, body, Origin=origin), 403, "foreign-origin"
        )


@pytest.mark.parametrize("service", PREFIXES)
def test_a_websocket_from_elsewhere_is_refused_like_any_request(
    shared_shop: Shop, service: str
) -> None:
    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
        "Origin": "https://evil.example",
    }
    answer = call(shared_shop, service, "GET", "/healthcheck", None, **handshake)
    assert_problem(answer, 403, "foreign-origin")


@pytest.mark.parametrize("service", PREFIXES)
def test_the_descriptions_are_not_for_foreign_pages_either(shared_shop: Shop, service: str) -> None:
    url = shared_shop.urls[service].removesuffix(PREFIXES[service])
    for path in ("/openapi.json", "/docs"):
        assert_problem(
            shared_shop.client.get(url + path, headers={"Host": "evil.example"}),
            421,
            "misdirected-request",
        )
        assert_problem(
            shared_shop.client.get(url + path, headers={"Origin": "http://evil.example"}),
            403,
            "foreign-origin",
        )


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("invoice-service", "/replay"),
        ("invoice-service", "/verify"),
        ("order-service", "/relay/step"),
    ],
)
def test_a_post_without_a_body_needs_the_type_that_a_page_cannot_send(
    shared_shop: Shop, service: str, path: str
) -> None:
    before = shared_shop.get(service, path)
    # Also without an Origin: not every browser has always sent one.
    for headers in (
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ):
        answer = shared_shop.client.post(shared_shop.urls[service] + path, headers=headers)
        assert_problem(answer, 415, "unsupported-media-type")
    if service == "invoice-service":
        after = shared_shop.get(service, path)
        assert (after.status_code, after.json()) == (before.status_code, before.json()), (
            "nothing was started"
        )


def test_a_preflight_gets_no_permission(shared_shop: Shop) -> None:
    asked = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = shared_shop.client.request(
        "OPTIONS", shared_shop.urls["invoice-service"] + "/consumer", headers=asked
    )
    assert_problem(answer, 403, "foreign-origin")
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_pages_and_programs_of_this_machine_are_let_in(shared_shop: Shop) -> None:
    port = urlsplit(shared_shop.urls["order-service"]).port
    for host in (
        "localhost",
        f"localhost:{port}",
        f"127.0.0.1:{port}",
        "[::1]:8086",
        "localhost:1",
    ):
        assert (
            call(shared_shop, "order-service", "GET", "/healthcheck", None, Host=host).status_code
            == 200
        )
    order = {"user_id": 1, "description": "Widget", "amount": 5}
    assert (
        call(
            shared_shop, "order-service", "POST", "/orders", order, Origin="http://localhost:8501"
        ).status_code
        == 201
    )


def test_a_request_without_a_host_is_refused(shared_shop: Shop) -> None:
    parts = urlsplit(shared_shop.urls["order-service"])
    with closing(
        socket.create_connection((str(parts.hostname), parts.port or 0), timeout=30)
    ) as line:
        line.sendall(b"GET /order-service/healthcheck HTTP/1.0\r\n\r\n")
        assert line.recv(1000).split()[1] == b"421"


@pytest.fixture(scope="module")
def guarded(shared_shop: Shop) -> Iterator[str]:
    """A copy of order-service that wants a token, as in containers, where it has many names."""
    with shared_shop.running("order-service", api_token=TOKEN) as url:
        yield url


def test_with_a_token_the_token_is_the_door_and_any_name_will_do(
    shared_shop: Shop, guarded: str
) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}", "Host": "order-service:8086"}
    assert shared_shop.client.get(guarded + "/healthcheck", headers=bearer).status_code == 200
    order = {"user_id": 1, "description": "Widget", "amount": 5}
    assert (
        shared_shop.client.post(guarded + "/orders", json=order, headers=bearer).status_code == 201
    )
    assert_problem(
        shared_shop.client.get(guarded + "/healthcheck", headers={"Host": "order-service:8086"}),
        401,
        "unauthorized",
    )


def test_openapi_tells_of_these_refusals(shared_shop: Shop) -> None:
    for service, prefix in PREFIXES.items():
        paths = shared_shop.client.get(
            shared_shop.urls[service].removesuffix(prefix) + "/openapi.json"
        ).json()["paths"]
        for operation in [operation for path in paths.values() for operation in path.values()]:
            assert {"403", "421"} <= operation["responses"].keys()
