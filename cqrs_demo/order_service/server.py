"""order-service, put together: everything it is made of stands on this screen.

Next: routes.py for its commands, saga/ for what happens to an order that needs credit.
"""

from functools import partial

from cqrs_demo.contract.events import ORDER_SERVICE
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
from cqrs_demo.order_service.commands import Approval, place_orders
from cqrs_demo.order_service.fold import FOLDS
from cqrs_demo.order_service.query_routes import query_routes
from cqrs_demo.order_service.routes import PREFIX, order_routes
from cqrs_demo.order_service.saga.process import Saga
from cqrs_demo.order_service.saga.sweep import Sweep
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
    relay = Relay(dsn, broker, ORDER_SERVICE, paces["relay"], settings.event_format)
    approval = Approval(settings.approval_from, settings.payment_deadline)
    orders = GroupCommit(partial(place_orders, pool), committed=relay.wake)
    saga, pace = Saga(), paces["consumer"]
    handler = Handler(pool, saga, pace, applied=relay.wake)
    consumer = Consumer(topics.ORDER_SERVICE, pool, broker, handler, pace)
    sweep = Sweep(pool, committed=relay.wake)
    workers = Workers(relay=relay, consumer=consumer, sweep=sweep)

    routers = [
        order_routes(pool, orders, approval, relay.wake),
        query_routes(PREFIX, pool),
        dead_letter_routes(PREFIX, pool, saga),
        log_routes(PREFIX, pool, ORDER_SERVICE, FOLDS),
        health_routes(PREFIX, pool, "select from demo.outbox limit 1", broker, workers),
    ]
    description = "Command side: takes orders and cancels them; sees to it that they have credit."
    return http_service(
        "order-service", description, PREFIX, settings, pool, broker, workers, routers
    )
