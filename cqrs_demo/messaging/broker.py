"""The messaging port: what the shop needs of a broker, and no more.

An event's type begins with its topic: `order.created` belongs to topic `order`. A subscriber is a
service that wants some topics, and each subscriber gets every event of its topics. The copies of
a service share its events among them.

Two adapters stand behind the port, rabbitmq.py and pgmq.py; the URL's scheme chooses. Whatever
holds here holds for both, and tests/contract runs one suite against each. What one broker cannot
do is not promised. Next: outbox/relay.py publishes, inbox/consumer.py consumes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cqrs_demo.contract.codec import CONTENT_TYPE


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A service by its name, and the topics it wants."""

    name: str
    topics: tuple[str, ...]


INVOICE_SERVICE = Subscriber("invoice-service", ("user", "account", "order"))

ORDER_SERVICE = Subscriber("order-service", ("payment",))
PAYMENT_SERVICE = Subscriber("payment-service", ("reservation",))

SUBSCRIBERS = (INVOICE_SERVICE, ORDER_SERVICE, PAYMENT_SERVICE)
"""All there are. A publisher needs to know them: an event that is published before its subscriber
was declared would be lost to that subscriber."""

TOPICS = frozenset(topic for subscriber in SUBSCRIBERS for topic in subscriber.topics)
"""What somebody subscribes to."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is published. `id` is the event's id; it helps whoever looks into a queue. Messages of
    one `key` keep their order on every broker, also on one that has no order over all of them.
    `wanted`: somebody subscribes to it, so it is an error when no queue takes it."""

    type: str
    id: str
    body: bytes
    key: str = ""
    content_type: str = CONTENT_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    wanted: bool = True

    @property
    def topic(self) -> str:
        return self.type.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is consumed. `tag` means something to the subscription that delivered it, and to nobody
    else. `given_up` says why the broker itself gave up on the message; None for any other."""

    topic: str
    body: bytes
    tag: int = 0
    key: str = ""
    content_type: str = CONTENT_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    given_up: str | None = None


class BrokerError(Exception):
    """The broker did not do what was asked. Nothing is lost: publish again, or wait for
    redelivery."""


class BrokerUnavailable(BrokerError):
    """No connection, or no answer within the time allowed."""


class PublishFailed(BrokerError):
    """Not every message of a batch was durably taken.

    `confirmed` holds the ids of those that were; the others may or may not have arrived, so
    publishing them again may duplicate them, and not publishing them again may lose them.
    `unroutable` tells that no subscriber's queue takes some of them (declare() mends that).
    """

    def __init__(self, why: str, confirmed: frozenset[str], *, unroutable: bool) -> None:
        super().__init__(why)
        self.confirmed = confirmed
        self.unroutable = unroutable


class Subscription(Protocol):
    """One consumer's share of a subscriber's events. Closing it, or dying, gives back what was not
    acknowledged: it is delivered again, to this consumer or to another."""

    async def receive(self, most: int, wait: float) -> Sequence[Delivery]:
        """Up to `most` deliveries, in the order of their topic; waits up to `wait` seconds for the
        first and for no further one. Empty when none came. Raises BrokerUnavailable; after that
        the subscription is of no more use."""
        ...

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """The broker may forget these. Raises BrokerUnavailable: they will come again."""
        ...

    async def close(self) -> None: ...


class Broker(Protocol):
    """One connection to a broker, made at the first need and made again when it is lost. Every call
    is bounded in time."""

    async def declare(self, *subscribers: Subscriber) -> None:
        """Make what these need to get their events. Harmless where it is there. Raises
        BrokerUnavailable."""
        ...

    async def publish(self, messages: Sequence[Message]) -> None:
        """Returns when every message is durable for every subscriber of its topic. The order given
        is the order in each topic. Raises PublishFailed, or BrokerUnavailable (nothing is known
        to be taken)."""
        ...

    async def subscribe(self, subscriber: Subscriber, limit: int) -> Subscription:
        """A share of this subscriber's events, with at most `limit` messages of each topic in hand
        that are not acknowledged. (A broker may hand them over before they are asked for.) Raises
        BrokerUnavailable, also when the subscriber was not declared."""
        ...

    async def depths(self, subscriber: Subscriber) -> dict[str, int]:
        """Messages ready for this subscriber, by topic; those in a consumer's hand are not counted.
        A further name stands for what ought to be empty, and is not. Raises BrokerUnavailable."""
        ...

    async def ping(self) -> None:
        """Returns when the broker answers. Raises BrokerUnavailable."""
        ...

    async def close(self) -> None: ...
