"""How the queues are called, on the two brokers that have queues. A topic of the first subscriber
has the name it always had; anybody else's begins with the subscriber's name."""

from cqrs_demo.messaging.broker import INVOICE_SERVICE, Subscriber

EXCHANGE = "cqrs.events"


def queue_name(subscriber: Subscriber, topic: str) -> str:
    return topic if subscriber.name == INVOICE_SERVICE.name else f"{subscriber.name}.{topic}"
