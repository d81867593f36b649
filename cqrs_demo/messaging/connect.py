"""Chooses the adapter by the URL's scheme. A third broker would be a module and two lines here."""

from cqrs_demo.messaging.broker import Broker


def broker_for(url: str) -> Broker:
    """The broker at `url`, not yet connected. Raises ValueError for a scheme nobody speaks."""
    scheme = url.partition("://")[0]
    # Imported here, so that a process carries one client library and not all of them.
    if scheme in ("amqp", "amqps"):
        from cqrs_demo.messaging.rabbitmq import RabbitBroker

        return RabbitBroker(url)
    if scheme in ("postgresql", "postgres"):
        from cqrs_demo.messaging.pgmq import PgmqBroker

        return PgmqBroker(url)
    raise ValueError(f"no broker speaks {scheme!r}: use amqp:// (RabbitMQ) or postgresql:// (PGMQ)")
