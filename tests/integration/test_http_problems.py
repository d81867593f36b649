"""Whatever is refused is refused as a problem, with the headers that say what to do instead."""

import json
from collections.abc import Iterator

import pytest

from cqrs_demo.tooling.runtime.ports import free_port
from tests.fixtures.answers import assert_problem
from tests.fixtures.shared_shop import fresh_email
from tests.fixtures.shop import PREFIXES, Shop, eventually

COLLECTIONS = {
    "user-service": "/users",
    "order-service": "/orders",
    "payment-service": "/credits/{user_id}",
    "invoice-service": "/invoices",
}
WORKERS = {
    "user-service": ("relay",),
    "order-service": ("relay", "consumer", "sweep"),
    "payment-service": ("relay", "consumer"),
    "invoice-service": ("consumer",),
}


@pytest.mark.parametrize("service", PREFIXES)
@pytest.mark.parametrize(
    "path", ["/nothing", "/users/1/2/3", "/%00", "/\N{SNOWMAN}", "/" + "long/" * 1000]
)
def test_an_unknown_path_is_a_404(shared_shop: Shop, service: str, path: str) -> None:
    assert_problem(shared_shop.get(service, path), 404, "not-found")


@pytest.mark.parametrize(
    ("service", "method", "path", "allowed"),
    [
        ("user-service", "DELETE", "/users/1", {"GET", "HEAD"}),
        ("user-service", "PUT", "/accounts", {"POST"}),
        ("order-service", "PATCH", "/orders/1", {"GET", "HEAD"}),
        ("order-service", "TRACE", "/orders", {"POST"}),
        ("order-service", "POST", "/relay", {"GET", "HEAD", "PUT"}),
        ("order-service", "OPTIONS", "/orders", {"POST"}),
        ("invoice-service", "OPTIONS", "/consumer", {"GET", "HEAD", "PUT"}),
        ("invoice-service", "POST", "/invoices", {"GET", "HEAD"}),
    ],
)
def test_a_method_that_a_path_does_not_take_is_a_405_that_says_which_it_takes(
    shared_shop: Shop, service: str, method: str, path: str, allowed: set[str]
) -> None:
    answer = shared_shop.client.request(method, shared_shop.urls[service] + path)
    assert_problem(answer, 405, "method-not-allowed")
    assert set(answer.headers["allow"].split(", ")) == allowed


def test_head_is_get_without_the_body(shared_shop: Shop) -> None:
    location = (
        shared_shop.urls["user-service"]
        + f"/users/{shared_shop.create_user('Alice', fresh_email()).json()['id']}"
    )
    for url in (location, shared_shop.urls["order-service"] + "/healthcheck", location + "000000"):
        got, head = shared_shop.client.get(url), shared_shop.client.head(url)
        assert head.status_code == got.status_code
        assert head.content == b""
        for header in ("content-type", "content-length"):
            assert head.headers[header] == got.headers[header]


def test_a_slash_too_many_is_a_404_and_sends_nobody_elsewhere(shared_shop: Shop) -> None:
    url = shared_shop.urls["order-service"] + "/orders/"
    answer = shared_shop.client.post(url, json={}, headers={"Host": "localhost:1"})
    assert_problem(answer, 404, "not-found")
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "json",
    ],
)
def test_a_body_of_another_type_is_a_415(shared_shop: Shop, content_type: str | None) -> None:
    # What a browser sends for a page from elsewhere without asking first is among these.
    body = json.dumps({"user_id": 1, "description": "Widget", "amount": 5})
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = shared_shop.client.post(
        shared_shop.urls["order-service"] + "/orders", content=body, headers=headers
    )
    assert_problem(answer, 415, "unsupported-media-type")
    assert "application/json" in answer.json()["detail"]


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON", "application/json; charset=utf-8"]
)
def test_json_may_be_announced_with_a_charset_and_in_capitals(
    shared_shop: Shop, content_type: str
) -> None:
    body = json.dumps({"user_id": 1, "description": "Widget", "amount": 5})
    answer = shared_shop.client.post(
        shared_shop.urls["order-service"] + "/orders",
        content=body,
        headers={"Content-Type": content_type},
    )
    assert answer.status_code == 201


@pytest.mark.parametrize("service", PREFIXES)
def test_a_healthy_service_says_so_check_by_check(shared_shop: Shop, service: str) -> None:
    answer = shared_shop.get(service, "/healthcheck")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "checks": dict.fromkeys(("database", "broker", *WORKERS[service]), "ok"),
    }


@pytest.mark.parametrize("service", PREFIXES)
def test_every_service_describes_itself(shared_shop: Shop, service: str) -> None:
    host = shared_shop.urls[service].removesuffix(PREFIXES[service])
    paths = shared_shop.client.get(host + "/openapi.json").json()["paths"]
    assert {
        PREFIXES[service] + path for path in ("/healthcheck", COLLECTIONS[service])
    } <= paths.keys()
    assert shared_shop.client.get(host + "/docs").status_code == 200


@pytest.fixture(scope="module")
def stranded(shared_shop: Shop) -> Iterator[dict[str, str]]:
    """Two services whose database server and broker are not there."""
    nowhere = f"postgresql://someone:top-secret@127.0.0.1:{free_port()}/nothing"
    settings = {
        "user_db": nowhere,
        "order_db": nowhere,
        "invoice_db": nowhere,
        "broker_url": nowhere,
    }
    with (
        shared_shop.running("order-service", **settings) as orders,
        shared_shop.running("invoice-service", **settings) as invoices,
    ):
        yield {"order-service": orders, "invoice-service": invoices}


def test_a_service_without_its_database_answers_503_and_says_when_to_come_back(
    shared_shop: Shop, stranded: dict[str, str]
) -> None:
    body = {"user_id": 1, "description": "Widget", "amount": 5}
    answer = shared_shop.client.post(stranded["order-service"] + "/orders", json=body)
    assert_problem(answer, 503, "database-unavailable")


def test_the_consumers_state_can_be_seen_while_the_broker_is_away(
    shared_shop: Shop, stranded: dict[str, str]
) -> None:
    state = eventually(
        lambda: (
            (s := shared_shop.client.get(stranded["invoice-service"] + "/consumer").json())[
                "trouble"
            ]
            and s
        )
    )
    assert "refused" in state["trouble"]
    assert (state["mode"], state["queues"]) == ("running", None)


def test_a_service_without_its_dependencies_is_unhealthy_and_says_which(
    shared_shop: Shop, stranded: dict[str, str]
) -> None:
    answer = shared_shop.client.get(stranded["order-service"] + "/healthcheck")
    assert answer.status_code == 503
    assert answer.json()["status"] == "unavailable"
    checks = answer.json()["checks"]
    assert all(word != "ok" for word in checks.values())
    assert "refused" in checks["broker"]
    assert "refused" in checks["relay"]
    assert all("\n" not in word for word in checks.values())
    assert "top-secret" not in answer.text


def test_input_is_refused_before_a_missing_database_is_noticed(
    shared_shop: Shop, stranded: dict[str, str]
) -> None:
    assert_problem(
        shared_shop.client.post(stranded["order-service"] + "/orders", json={}),
        422,
        "invalid-request",
    )
