"""invoice-service, put together: everything it is made of stands on this screen.

Next: inbox/consumer.py and projections/ for the way of an event in, routes.py for the way of a
query out.
"""

from cqrs_demo.database import pool_for
from cqrs_demo.http.dead_letter_routes import dead_letter_routes
from cqrs_demo.http.health import health_routes
from cqrs_demo.http.lifespan import Workers
from cqrs_demo.http.service import Service, http_service
from cqrs_demo.inbox.consumer import Consumer
from cqrs_demo.inbox.handler import Handler
from cqrs_demo.invoice_service.projections import READ_MODEL
from cqrs_demo.invoice_service.replay.run_routes import run_routes
from cqrs_demo.invoice_service.replay.runs import Runs
from cqrs_demo.invoice_service.report_routes import report_routes
from cqrs_demo.invoice_service.routes import PREFIX, invoice_routes
from cqrs_demo.invoice_service.search_routes import search_routes
from cqrs_demo.invoice_service.waiting import Waiting
from cqrs_demo.messaging.broker import INVOICE_SERVICE
from cqrs_demo.messaging.connect import broker_for
from cqrs_demo.pace import FREE, Paces
from cqrs_demo.settings import Settings


def build(settings: Settings, paces: Paces = FREE) -> Service:
    """The app; nothing connects before it is started. `paces` by the worker's name. Raises
    SettingsError when a setting is missing."""
    dsn = settings.need("invoice_db")
    pool = pool_for(dsn, "invoice-service")
    broker = broker_for(settings.need("broker_url"))
    pace = paces["consumer"]
    waiting = Waiting(pool)
    handler = Handler(pool, READ_MODEL, pace, applied=waiting.wake)
    consumer = Consumer(INVOICE_SERVICE, pool, broker, handler, pace)
    token = settings.api_token.get_secret_value() if settings.api_token else None
    runs = Runs([settings.user_service_url, settings.order_service_url], token)
    workers = Workers(consumer=consumer)

    routers = [
        invoice_routes(pool, waiting),
        search_routes(PREFIX, pool),
        dead_letter_routes(PREFIX, pool, READ_MODEL),
        report_routes(PREFIX, pool),
        run_routes(PREFIX, dsn, runs),
        health_routes(PREFIX, pool, "select from demo.processed_events limit 1", broker, workers),
    ]
    description = "Query side: serves invoices."
    return http_service(
        "invoice-service", description, PREFIX, settings, pool, broker, workers, routers
    )
