"""What is exported when `up` is called is used, or said to be unused; nothing is dropped in
silence."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from cqrs_demo.client.place import bearer
from cqrs_demo.tooling.runtime.system import find_system
from cqrs_demo.tooling.workshop.client import Client
from tests.e2e.systems import Up, cqrs_demo

TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A system whose `up` was given a token, and a threshold of its own."""
    environment = {"CQRS_API_TOKEN": TOKEN, "CQRS_APPROVAL_FROM": "10"}
    one = Up(tmp_path_factory.mktemp("guarded") / "data", environment=environment)
    try:
        one.ready()
        yield one
    finally:
        one.end()


def test_a_token_that_up_is_given_is_demanded_by_every_service(guarded: Up) -> None:
    system = find_system(guarded.folder)
    assert system.ready
    for service in system.services:
        answers = [
            httpx.get(system.url(service) + "/healthcheck", headers=headers)
            for headers in ({}, bearer(system.token))
        ]
        assert [answer.status_code for answer in answers] == [401, 200]


@pytest.mark.parametrize(
    "command",
    [
        "demo-data --users 3 --orders 5",
        "events",
        "dead-letters list --json",
        "dead-letters retry --all",
        "verify",
        "replay",
        "status",
        "doctor",
    ],
)
def test_every_command_has_the_token_of_the_system_it_finds(guarded: Up, command: str) -> None:
    # When it is called in a shell that does not know the token
    done = cqrs_demo(*command.split(), "--data-dir", guarded.folder)
    # Then it works
    assert done.returncode == 0, done.stdout + done.stderr
    assert TOKEN not in done.stdout + done.stderr


def test_a_notebook_has_the_token_of_the_system_it_finds(guarded: Up) -> None:
    with Client(find_system(guarded.folder)) as client:
        assert client.get("order-service", "/healthcheck").status == 200


def test_the_threshold_that_up_is_given_is_order_services(guarded: Up) -> None:
    with Client(find_system(guarded.folder)) as client:
        answers = [client.place_order(1, "Widget", amount)["status"] for amount in (9.99, 10)]
    assert answers == ["approved", "pending"]


def test_the_token_is_kept_with_the_passwords_and_shown_nowhere(guarded: Up) -> None:
    # Given what is said of a system with a token, when it starts and when programs ask
    status = cqrs_demo("status", "--json", "--data-dir", guarded.folder).stdout
    assert list(json.loads(status)) == ["services", "databases", "broker", "dashboard"]
    assert TOKEN not in status + guarded.said()
    # Then the lines to copy take it from the shell
    lines = [
        line.strip() for line in guarded.said().splitlines() if line.strip().startswith("curl")
    ]
    assert lines
    assert all('-H "Authorization: Bearer $CQRS_API_TOKEN"' in line for line in lines)


def test_a_second_up_with_another_token_says_that_it_is_not_demanded(guarded: Up) -> None:
    again = cqrs_demo(
        "up",
        "--data-dir",
        guarded.folder,
        environment={"CQRS_API_TOKEN": "another-token-of-some-length"},
    )
    assert again.returncode == 0
    assert "does not demand this CQRS_API_TOKEN" in again.stdout
    same = cqrs_demo("up", "--data-dir", guarded.folder, environment={"CQRS_API_TOKEN": TOKEN})
    assert "does not demand" not in same.stdout


def test_a_token_that_is_too_short_is_refused_before_anything_starts(tmp_path: Path) -> None:
    refused = cqrs_demo(
        "up", "--data-dir", tmp_path / "shop", environment={"CQRS_API_TOKEN": "short"}
    )
    assert refused.returncode == 2
    assert refused.stderr.startswith("cqrs-demo: CQRS_API_TOKEN: ")
    assert len(refused.stderr.splitlines()) == 1


def test_settings_that_up_does_not_use_are_named(up: Callable[..., Up]) -> None:
    # Given settings of a service of somebody's own, and a misspelt one
    exported = {
        "CQRS_HOST": "0.0.0.0",
        "CQRS_PORT": "9",
        "CQRS_API_TOKN": TOKEN,
        "CQRS_BROKER_URL": "amqp://127.0.0.1:9/",
    }
    system = up("shop", environment=exported)
    # When a system starts, then it says that it does without them
    system.ready()
    assert "`up` does not use CQRS_API_TOKN, CQRS_BROKER_URL, CQRS_HOST, CQRS_PORT" in system.said()
