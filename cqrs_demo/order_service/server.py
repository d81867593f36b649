"""order-service, put together: everything it is made of stands on this screen. Next: routes.py."""

from functools import partial

from cqrs_demo.contract.events import ORDER_SERVICE
from cqrs_demo.database import pool_for
from cqrs_demo.http.health import health_routes
from cqrs_demo.http.lifespan import Workers
from cqrs_demo.http.log_routes import log_routes
from cqrs_demo.http.service import Service, http_service
from cqrs_demo.messaging.connect import broker_for
from cqrs_demo.order_service.commands import place_orders
from cqrs_demo.order_service.fold import FOLDS
from cqrs_demo.order_service.query_routes import query_routes
from cqrs_demo.order_service.routes import PREFIX, order_routes
from cqrs_demo.outbox.group_commit import GroupCommit
from cqrs_demo.outbox.relay import Relay
from cqrs_demo.pace import FREE, Paces
from cqrs_demo.settings import Settings


def build(settings: Settings, paces: Paces = FREE) -> Service:
    """The app; nothing connects before it is started. `paces` by the worker's name. Raises
    SettingsError when a setting is missing."""
    dsn = settings.need("order_db")
    pool = pool_for(dsn, "order-service")
    broker = broker_for(settings.need("broker_url"))
    relay = Relay(dsn, broker, ORDER_SERVICE, paces["relay"])
    orders = GroupCommit(partial(place_orders, pool), committed=relay.wake)
    workers = Workers(relay=relay)

    routers = [
        order_routes(pool, orders),
        query_routes(PREFIX, pool),
        log_routes(PREFIX, pool, ORDER_SERVICE, FOLDS),
        health_routes(PREFIX, pool, "select from demo.outbox limit 1", broker, workers),
    ]
    description = "Command side: takes orders."
    return http_service(
        "order-service", description, PREFIX, settings, pool, broker, workers, routers
    )
