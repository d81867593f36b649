"""invoice-service, put together: everything it is made of stands on this screen.

Next: consumer.py for the way of an event in, routes.py for the way of a query out.
"""

from starlette.types import ASGIApp

from cqrs_demo.database import pool_for
from cqrs_demo.http.lifespan import lifespan
from cqrs_demo.http.service import http_service
from cqrs_demo.invoice_service.consumer import Consumer
from cqrs_demo.invoice_service.dead_letter_routes import dead_letter_routes
from cqrs_demo.invoice_service.report_routes import report_routes
from cqrs_demo.invoice_service.routes import PREFIX, invoice_routes, support_routes
from cqrs_demo.invoice_service.run_routes import run_routes
from cqrs_demo.invoice_service.runs import Runs
from cqrs_demo.messaging.connect import broker_for
from cqrs_demo.settings import Settings


def build(settings: Settings) -> ASGIApp:
    """The app; nothing connects before it is started. Raises SettingsError when a setting is missing."""
    dsn = settings.need("invoice_db")
    pool = pool_for(dsn, "invoice-service")
    broker = broker_for(settings.need("broker_url"))
    consumer = Consumer(pool, broker)
    token = settings.api_token.get_secret_value() if settings.api_token else None
    runs = Runs([settings.user_service_url, settings.order_service_url], token)

    routers = [
        invoice_routes(pool, consumer),
        dead_letter_routes(PREFIX, pool),
        report_routes(PREFIX, pool),
        run_routes(PREFIX, dsn, runs),
        support_routes(pool, broker, consumer, workshop=settings.workshop),
    ]
    return http_service("invoice-service", "Query side: serves invoices.", settings, lifespan(pool, broker, consumer), routers)
