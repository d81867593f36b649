"""One service in the foreground, from the environment alone: what a container runs."""

import os
import signal
import socket
import subprocess

import pytest

from cqrs_demo.settings import DEFAULT_PORTS
from cqrs_demo.tooling.runtime.ports import free_port, is_free
from tests.e2e.systems import COMMAND, cqrs_demo, eventually

SETTINGS = {
    "CQRS_USER_DB": "postgresql://user_service:secret@127.0.0.1:9/user_service",
    "CQRS_ORDER_DB": "postgresql://order_service:secret@127.0.0.1:9/order_service",
    "CQRS_PAYMENT_DB": "postgresql://payment_service:secret@127.0.0.1:9/payment_service",
    "CQRS_INVOICE_DB": "postgresql://invoice_service:secret@127.0.0.1:9/invoice_service",
    "CQRS_BROKER_URL": "postgresql://broker:secret@127.0.0.1:9/broker",
}


def refusal(service: str, changes: dict[str, str]) -> str:
    """What it says on refusing to start: one line, and exit code 2."""
    asked = cqrs_demo("serve", service, environment=SETTINGS | changes)
    assert asked.returncode == 2, asked.stderr
    assert len(asked.stderr.splitlines()) == 1
    return asked.stderr


@pytest.mark.parametrize(
    ("service", "setting"),
    [
        ("user-service", "USER_DB"),
        ("order-service", "ORDER_DB"),
        ("payment-service", "PAYMENT_DB"),
        ("invoice-service", "INVOICE_DB"),
    ],
)
def test_a_missing_database_is_one_line_that_names_the_setting(service: str, setting: str) -> None:
    assert f"CQRS_{setting} is not set" in refusal(service, {f"CQRS_{setting}": ""})


def test_a_missing_broker_is_one_line_that_names_the_setting() -> None:
    assert "CQRS_BROKER_URL is not set" in refusal("order-service", {"CQRS_BROKER_URL": ""})


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("BROKER_URL", "http://127.0.0.1"),
        ("ORDER_DB", "mysql://127.0.0.1"),
        ("PORT", "80a"),
        ("PORT", "65536"),
    ],
)
def test_a_malformed_setting_is_one_line_that_names_it(setting: str, value: str) -> None:
    assert f"CQRS_{setting}" in refusal("order-service", {f"CQRS_{setting}": value})


def test_beyond_this_machine_it_does_not_listen_without_a_token() -> None:
    assert "CQRS_API_TOKEN is required" in refusal("order-service", {"CQRS_HOST": "0.0.0.0"})


def test_a_taken_port_is_one_line_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port}" in refusal("order-service", {"CQRS_PORT": str(port)})


@pytest.mark.parametrize("service", DEFAULT_PORTS)
def test_told_to_stop_it_ends_well_even_without_database_and_broker(service: str) -> None:
    # Given a service that has found neither
    port = free_port()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CQRS_")}
    with subprocess.Popen(
        [*COMMAND, "serve", service], env=clean | SETTINGS | {"CQRS_PORT": str(port)}
    ) as process:
        eventually(lambda: not is_free(port))
        # When it is told to stop, then it does within five seconds, and that is no failure
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=6) == 0
