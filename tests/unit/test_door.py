"""Which Host and which Origin a server without a token takes for its own."""

import pytest

from cqrs_demo.http.door import Door
from cqrs_demo.http.problems import Problem


def refused(door: Door, host: str, origin: str | None = None) -> str | None:
    """The code of the refusal, or None when the request is let in."""
    headers = [(b"host", host.encode())] + (
        [] if origin is None else [(b"origin", origin.encode())]
    )
    try:
        door.check(headers)
    except Problem as problem:
        return problem.code
    return None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "LocalHost"])
@pytest.mark.parametrize("port", ["", ":8085", ":1"])
def test_a_loopback_name_is_let_in_with_any_port(host: str, port: str) -> None:
    for origin in (None, "http://localhost:8501", f"http://{host}{port}", "https://127.0.0.1"):
        assert refused(Door("127.0.0.1"), host + port, origin) is None


def test_the_address_that_the_server_listens_on_is_its_name_too() -> None:
    assert refused(Door("127.0.0.5"), "127.0.0.5:8085") is None
    assert refused(Door("127.0.0.1"), "127.0.0.5:8085") == "misdirected-request"


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example",
            "evil.example:8085",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil-localhost",
            "localhost.",
        ),
        *(
            "",
            ":8085",
            "localhost:",
            "localhost:80:80",
            "localhost:abc",
            "user@localhost",
            "evil.example@localhost",
            "[::1",
            "::1",
        ),
        *(
            "localhost/",
            "localhost evil.example",
            "192.168.1.5",
            "0.0.0.0",
            "0",
            "2130706433",
            "[::ffff:127.0.0.1]",
        ),
    ],
)
def test_any_other_host_is_refused_also_by_its_own_page(host: str) -> None:
    assert refused(Door("127.0.0.1"), host) == "misdirected-request"
    assert refused(Door("127.0.0.1"), host, f"http://{host}") == "misdirected-request"


@pytest.mark.parametrize(
    "origin",
    [
        *(
            "http://evil.example",
            "https://evil.example:8085",
            "null",
            "",
            "file://",
            "http://localhost.evil.example",
        ),
        *(
            "http://localhost@evil.example",
            "http://evil.example#localhost",
            "http://127.0.0.2",
            "localhost",
            "ftp://localhost",
        ),
    ],
)
def test_any_other_origin_is_refused(origin: str) -> None:
    assert refused(Door("127.0.0.1"), "127.0.0.1:8085", origin) == "foreign-origin"


@pytest.mark.parametrize("headers", [[], [(b"host", b"localhost"), (b"host", b"evil.example")]])
def test_a_request_without_its_one_host_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(Problem, match="this server is localhost"):
        Door("127.0.0.1").check(headers)


def test_a_server_on_all_addresses_is_reached_by_any_of_them_and_by_no_name() -> None:
    door = Door("0.0.0.0", addresses=True)
    assert refused(door, "192.168.1.5:8501", "http://192.168.1.5:8501") is None
    assert refused(door, "[fe80::1]:8501", "http://[fe80::1]:8501") is None
    assert refused(door, "localhost:8501", "http://localhost:8501") is None
    assert refused(door, "evil.example:8501", "http://evil.example:8501") == "misdirected-request"
    # and pages of one address do not work the server at another
    assert refused(door, "127.0.0.1:8501", "http://203.0.113.5") == "foreign-origin"
