"""payment-service, put together: everything it is made of stands on this screen.

Next: reservations.py for what it does with events, credit.py for the command.
"""

from cqrs_demo.contract.events import PAYMENT_SERVICE
from cqrs_demo.database import pool_for
from cqrs_demo.http.dead_letter_routes import dead_letter_routes
from cqrs_demo.http.health import health_routes
from cqrs_demo.http.lifespan import Workers
from cqrs_demo.http.log_routes import log_routes
from cqrs_demo.http.service import Service, http_service
from cqrs_demo.inbox.consumer import Consumer
from cqrs_demo.inbox.handler import Handler
from cqrs_demo.messaging import broker as topics
from cqrs_demo.messaging.connect import broker_for
from cqrs_demo.outbox.relay import Relay
from cqrs_demo.pace import FREE, Paces
from cqrs_demo.payment_service.fold import FOLDS
from cqrs_demo.payment_service.reservations import Reservations
from cqrs_demo.payment_service.routes import PREFIX, credit_routes
from cqrs_demo.settings import Settings


def build(settings: Settings, paces: Paces = FREE) -> Service:
    """The app; nothing connects before it is started. `paces` by the worker's name. Raises
    SettingsError when a setting is missing."""
    dsn = settings.need("payment_db")
    pool = pool_for(dsn, "payment-service")
    broker = broker_for(settings.need("broker_url"))
    relay = Relay(dsn, broker, PAYMENT_SERVICE, paces["relay"], settings.event_format)
    reservations, pace = Reservations(), paces["consumer"]
    handler = Handler(pool, reservations, pace, applied=relay.wake)
    consumer = Consumer(topics.PAYMENT_SERVICE, pool, broker, handler, pace)
    workers = Workers(relay=relay, consumer=consumer)

    routers = [
        credit_routes(pool, relay.wake),
        dead_letter_routes(PREFIX, pool, reservations),
        log_routes(PREFIX, pool, PAYMENT_SERVICE, FOLDS),
        health_routes(PREFIX, pool, "select from demo.outbox limit 1", broker, workers),
    ]
    description = "Command side: knows each user's credit, and reserves it for orders."
    return http_service(
        "payment-service", description, PREFIX, settings, pool, broker, workers, routers
    )
