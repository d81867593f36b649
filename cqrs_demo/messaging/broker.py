"""The messaging port: what the shop needs of a broker, and no more.

Two adapters stand behind it, rabbitmq.py and pgmq.py; the URL's scheme chooses. Whatever holds here
holds for both, and tests/contract runs one suite against each. Next: outbox/relay.py publishes,
invoice_service/consumer.py consumes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

EXCHANGE = "cqrs.events"
QUEUES = ("user", "account", "order")
"""Each queue is bound to `<name>.*`: an event's type is its routing key."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is published. `message_id` is the event's id; it helps whoever looks into the queue."""

    routing_key: str
    message_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is consumed. `earlier` counts the deliveries of this message before this one: 0 when it
    is fresh. `tag` means something to the subscription that delivered it, and to nobody else.
    `given_up` says why the broker itself gave up on the message; None for any other."""

    queue: str
    body: bytes
    earlier: int
    tag: int
    given_up: str | None = None


class BrokerError(Exception):
    """The broker did not do what was asked. Nothing is lost: publish again, or wait for redelivery."""


class BrokerUnavailable(BrokerError):
    """No connection, or no answer within the time allowed."""


class PublishFailed(BrokerError):
    """Not every message of a batch was durably taken.

    `confirmed` holds the message ids that were; the others may or may not have arrived, so
    publishing them again may duplicate them and not publishing them again may lose them.
    `unroutable` tells that a queue or binding is missing (declare() mends that).
    """

    def __init__(self, why: str, confirmed: frozenset[str], *, unroutable: bool) -> None:
        super().__init__(why)
        self.confirmed = confirmed
        self.unroutable = unroutable


class Subscription(Protocol):
    """One consumer's share of some queues. Closing it, or dying, gives back what was not
    acknowledged."""

    async def receive(self, most: int, wait: float) -> Sequence[Delivery]:
        """Up to `most` deliveries, in queue order; waits up to `wait` seconds for the first and for
        no further one. Empty when none came. Raises BrokerUnavailable; after that the subscription
        is of no more use."""
        ...

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """The broker may forget these. Raises BrokerUnavailable: they will come again."""
        ...

    async def requeue(self, deliveries: Sequence[Delivery]) -> None:
        """Give these back for anybody, now. They count as delivered once more."""
        ...

    async def drain(self) -> Sequence[Delivery]:
        """Stop taking: what was fetched in advance and not yet received, for the caller to finish.
        Then close."""
        ...

    async def close(self) -> None: ...


class Broker(Protocol):
    """One connection to a broker, made at the first need and made again when it is lost. Every call
    is bounded in time."""

    async def declare(self) -> None:
        """Make exchange, queues and bindings. Harmless when they are there. Raises
        BrokerUnavailable."""
        ...

    async def publish(self, messages: Sequence[Message]) -> None:
        """Returns when every message is durable in every queue it is routed to. The order given is
        the order in each queue. Raises PublishFailed or BrokerUnavailable (nothing is known to be
        taken)."""
        ...

    async def subscribe(self, queues: Sequence[str], prefetch: int) -> Subscription:
        """A share of these queues, with up to `prefetch` messages of each held in advance and not
        acknowledged (a broker may hold none); with 0 nothing is held and every receive asks the
        broker (slow, exact: for stepping). Raises BrokerUnavailable, also when a queue is missing.
        """
        ...

    async def depths(self) -> dict[str, int]:
        """Messages ready in each of QUEUES, and in any other queue of ours that ought to be empty
        and is not; those delivered and not yet acknowledged are not counted. Raises
        BrokerUnavailable."""
        ...

    async def ping(self) -> None:
        """Returns when the broker answers. Raises BrokerUnavailable."""
        ...

    async def close(self) -> None: ...
