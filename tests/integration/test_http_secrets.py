"""Passwords and tokens stay out of answers and logs, also when they are what is wrong."""

from collections.abc import Callable

import httpx
import pytest
from psycopg.conninfo import conninfo_to_dict

from cqrs_demo.tooling.runtime.ports import free_port
from cqrs_demo.tooling.runtime.rabbitmq_node import RabbitNode
from tests.fixtures.shop import Shop, eventually

SECRET = "s3cr3t-P4ssw0rd"
TOKEN = "t0ken-t0ken-t0ken"


def with_password(url: str, password: str) -> str:
    parts = conninfo_to_dict(url)
    return (
        f"postgresql://{parts['user']}:{password}@{parts['host']}:{parts['port']}/{parts['dbname']}"
    )


def databases(change: Callable[[str], str], shop: Shop) -> dict[str, str]:
    dsn = shop.databases.dsn
    return {
        "user_db": change(dsn["user_service"]),
        "order_db": change(dsn["order_service"]),
        "invoice_db": change(dsn["invoice_service"]),
    }


def watch(
    shop: Shop, service: str, capfd: pytest.CaptureFixture[str], settings: dict[str, str]
) -> tuple[str, str]:
    """What the health check says of a service with these settings, and what was written
    meanwhile."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with (
        shop.running(service, api_token=TOKEN, **settings) as url,
        httpx.Client(headers=headers, timeout=20) as client,
    ):
        said = eventually(
            lambda: (answer := client.get(url + "/healthcheck")).status_code == 503 and answer.text
        )
    output = capfd.readouterr()
    return said, output.out + output.err


@pytest.mark.parametrize("service", ["order-service", "invoice-service"])
def test_a_wrong_database_password_is_told_of_and_not_told(
    shared_shop: Shop, service: str, capfd: pytest.CaptureFixture[str]
) -> None:
    # Given a service whose DSNs, the broker's too, have a wrong password
    settings = databases(lambda dsn: with_password(dsn, SECRET), shared_shop)
    settings["broker_url"] = with_password(shared_shop.broker_url, SECRET)

    # When it runs, and is asked how it is
    said, written = watch(shared_shop, service, capfd, settings)

    # Then both say what is wrong, and neither the password nor the token
    assert "password authentication failed" in said
    assert "password authentication failed" in written
    for secret in (SECRET, TOKEN):
        assert secret not in said
        assert secret not in written


@pytest.mark.parametrize("service", ["order-service", "invoice-service"])
def test_an_unreachable_database_and_broker_are_told_of_without_their_passwords(
    shared_shop: Shop, service: str, capfd: pytest.CaptureFixture[str]
) -> None:
    nowhere = f"postgresql://someone:{SECRET}@127.0.0.1:{free_port()}/nothing"
    settings = databases(lambda _: nowhere, shared_shop) | {
        "broker_url": f"amqp://someone:{SECRET}@127.0.0.1:{free_port()}/"
    }
    said, written = watch(shared_shop, service, capfd, settings)
    for secret in (SECRET, TOKEN):
        assert secret not in said
        assert secret not in written


def test_a_wrong_rabbitmq_password_is_told_of_and_not_told(
    shared_shop: Shop, rabbit_node: RabbitNode, capfd: pytest.CaptureFixture[str]
) -> None:
    scheme, _, rest = rabbit_node.url().partition("://")
    wrong = f"{scheme}://someone:{SECRET}@{rest.rpartition('@')[2]}"
    said, written = watch(shared_shop, "order-service", capfd, {"broker_url": wrong})
    assert "ACCESS_REFUSED" in said
    for secret in (SECRET, TOKEN):
        assert secret not in said
        assert secret not in written
