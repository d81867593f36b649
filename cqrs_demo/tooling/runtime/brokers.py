"""Which broker `up` uses: PGMQ in the embedded PostgreSQL, the RabbitMQ that CQRS_BROKER_URL names,
or a private one."""

import os
from urllib.parse import urlsplit

from cqrs_demo.tooling.runtime.ports import answers
from cqrs_demo.tooling.runtime.rabbitmq_node import rabbitmq_server
from cqrs_demo.tooling.runtime.system import BrokerAddress, SystemProblem


class NoBroker(SystemProblem):
    exit_code = 2


WAYS = """There is no RabbitMQ to use. Three ways to get one:
  1. Install it (Debian, Ubuntu: apt-get install rabbitmq-server; macOS: brew install rabbitmq);
     a private node is then started for you.
  2. Run it in a container:  docker run -d -p 127.0.0.1:5672:5672 rabbitmq:4
     and say where it is:
       CQRS_BROKER_URL=amqp://guest:guest@127.0.0.1:5672/ cqrs-demo up --broker rabbitmq
  3. Use any RabbitMQ you may reach, by its URL in CQRS_BROKER_URL in the same way.
Or do without: `cqrs-demo up` runs on PGMQ, which needs nothing installed."""


def named_rabbitmq() -> str | None:
    """The URL of the RabbitMQ that CQRS_BROKER_URL names; None when a private node is to be
    started. Raises NoBroker when neither is possible, or nobody answers at that URL."""
    url = os.environ.get("CQRS_BROKER_URL", "")
    if url.startswith(("amqp://", "amqps://")):
        _must_answer(url)
        return url
    if rabbitmq_server() is None:
        raise NoBroker(WAYS)
    return None


def _must_answer(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, port = (
            parts.hostname or "127.0.0.1",
            parts.port or (5671 if parts.scheme == "amqps" else 5672),
        )
    except ValueError as error:
        raise NoBroker(f"CQRS_BROKER_URL is no URL: {error}") from error
    if not answers(host, port, timeout=5):
        raise NoBroker(
            f"Nobody answers at {host}:{port}, where CQRS_BROKER_URL says RabbitMQ is. Start it, "
            "or mend the URL"
        )


def what_stays_behind(before: BrokerAddress | None, kind: str) -> str | None:
    """What to say to somebody who ran this shop on another broker before."""
    if before is None or before.kind == kind:
        return None
    return (
        f"Before, this shop ran on {before.kind}: events that were published there and not yet "
        "consumed stay there until you start it with "
        f"--broker {before.kind} again. What was not published yet waits in the outbox and goes "
        f"to {kind} now."
    )
