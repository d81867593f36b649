"""The same system on RabbitMQ: a private node, started and stopped with it, or the one that is
named."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cqrs_demo.tooling.runtime.rabbitmq_node import rabbitmq_server
from tests.e2e.systems import Up, cqrs_demo, eventually, four_steps, invoice_of, processes_of

needs_rabbitmq = pytest.mark.skipif(
    rabbitmq_server() is None and not os.environ.get("CI"), reason="RabbitMQ is not installed"
)


@needs_rabbitmq
def test_a_private_node_comes_and_goes_with_the_system(up: Callable[..., Up]) -> None:
    # Given a system on a RabbitMQ of its own
    system = up("shop", "--broker", "rabbitmq")
    found = system.ready()
    assert found.broker is not None
    assert found.broker.kind == "rabbitmq"
    # When the four steps are taken, then they lead to the invoice
    assert four_steps(found)["total"] == 50.00
    # And the node ends with the system
    assert system.end() == 0
    assert processes_of(system.folder) == []
    # And who starts the shop on the other broker is told what stays behind, and finds the invoice
    other = up()
    assert invoice_of(other.ready(), 1)["total"] == 50.00
    assert "Before, this shop ran on rabbitmq" in other.said()


@needs_rabbitmq
def test_ctrl_c_while_the_node_is_starting_leaves_nothing(up: Callable[..., Up]) -> None:
    # Given a node that is just starting, which takes seconds, and a PostgreSQL that has started
    system = up("shop", "--broker", "rabbitmq")
    eventually(lambda: "PostgreSQL works" in system.said())
    # When Ctrl-C comes, then all of it ends
    assert system.end() == 0
    assert processes_of(system.folder) == []


def test_a_named_broker_that_does_not_answer_is_said_at_once_without_its_password(
    tmp_path: Path,
) -> None:
    system = cqrs_demo(
        "up",
        "--broker",
        "rabbitmq",
        "--data-dir",
        tmp_path / "shop",
        environment={"CQRS_BROKER_URL": "amqp://shop:geheim@127.0.0.1:9/"},
    )
    assert system.returncode == 2
    assert "127.0.0.1:9" in system.stderr
    assert "geheim" not in system.stderr
