"""Chooses the adapter by the URL's scheme. A third broker would be a module and a line here."""

from cqrs_demo.messaging.broker import Broker
from cqrs_demo.messaging.pgmq import PgmqBroker
from cqrs_demo.messaging.rabbitmq import RabbitBroker

SCHEMES = {"amqp": RabbitBroker, "amqps": RabbitBroker, "postgresql": PgmqBroker, "postgres": PgmqBroker}


def broker_for(url: str) -> Broker:
    """The broker at `url`, not yet connected. Raises ValueError for a scheme nobody speaks."""
    scheme = url.partition("://")[0]
    if scheme not in SCHEMES:
        raise ValueError(f"no broker speaks {scheme!r}: use amqp:// (RabbitMQ) or postgresql:// (PGMQ)")
    return SCHEMES[scheme](url)
