"""The dashboard's pages work the shop, so what a foreign web page may not do to the shop it may not
do to them."""

import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import httpx
import pytest

from tests.e2e.systems import dashboard_alone

STREAM = "/_stcore/stream"


def for_nobody(folder: Path, host: str = "127.0.0.1") -> AbstractContextManager[int]:
    """A dashboard's door can be knocked at without a system behind it."""
    return dashboard_alone(folder, folder / "said", host)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with for_nobody(tmp_path_factory.mktemp("dashboard")) as port:
        yield port


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """As in docker-compose.yml: it listens on all addresses, and its port is published on
    loopback."""
    with for_nobody(tmp_path_factory.mktemp("container"), "0.0.0.0") as port:
        yield port


def page(port: int, path: str = "/", **headers: str) -> int:
    return httpx.get(f"http://127.0.0.1:{port}{path}", headers=headers).status_code


def websocket(port: int, host: str, origin: str | None = None) -> int:
    """The status that a handshake is answered with: 101 when the WebSocket is open."""
    head = [
        f"GET {STREAM} HTTP/1.1",
        f"Host: {host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *([] if origin is None else [f"Origin: {origin}"]),
    ]
    with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as line:
        line.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
        return int(line.recv(1000).split()[1])


@pytest.mark.parametrize("running", ["port", "container"])
def test_the_dashboard_is_for_pages_and_people_of_this_machine(
    running: str, request: pytest.FixtureRequest
) -> None:
    port = request.getfixturevalue(running)
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", "localhost:8501", "[::1]:8501"):
        assert page(port, Host=host) == 200
        assert page(port, Host=host, Origin=f"http://{host}") == 200
        assert websocket(port, host, f"http://{host}") == 101
    assert websocket(port, f"127.0.0.1:{port}") == 101


@pytest.mark.parametrize("running", ["port", "container"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8501", "localhost.evil.example"])
def test_a_site_whose_name_was_pointed_here_gets_neither_page_nor_websocket(
    running: str, host: str, request: pytest.FixtureRequest
) -> None:
    port = request.getfixturevalue(running)
    assert websocket(port, host, f"http://{host}") == 403
    assert websocket(port, host) == 403
    for path in ("/", "/_stcore/health", "/_stcore/host-config", "/nothing"):
        assert page(port, path, Host=host) == 421


@pytest.mark.parametrize("running", ["port", "container"])
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://203.0.113.5:8501"])
def test_a_page_from_elsewhere_opens_no_websocket(
    running: str, origin: str, request: pytest.FixtureRequest
) -> None:
    port = request.getfixturevalue(running)
    assert websocket(port, f"127.0.0.1:{port}", origin) == 403
    assert page(port, Origin=origin) == 403


def test_a_dashboard_on_all_addresses_is_reached_by_address_but_by_no_name(container: int) -> None:
    assert page(container, Host="192.168.1.5:8501") == 200
    assert websocket(container, "192.168.1.5:8501", "http://192.168.1.5:8501") == 101
