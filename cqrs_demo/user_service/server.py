"""user-service, put together: everything it is made of stands on this screen. Next: routes.py."""

from functools import partial

from cqrs_demo.contract.events import USER_SERVICE
from cqrs_demo.database import pool_for
from cqrs_demo.http.health import health_routes
from cqrs_demo.http.lifespan import Workers
from cqrs_demo.http.log_routes import log_routes
from cqrs_demo.http.service import Service, http_service
from cqrs_demo.messaging.connect import broker_for
from cqrs_demo.outbox.group_commit import GroupCommit
from cqrs_demo.outbox.relay import Relay
from cqrs_demo.pace import FREE, Paces
from cqrs_demo.settings import Settings
from cqrs_demo.user_service.commands import create_accounts, create_users
from cqrs_demo.user_service.fold import FOLDS
from cqrs_demo.user_service.query_routes import query_routes
from cqrs_demo.user_service.routes import PREFIX, user_routes


def build(settings: Settings, paces: Paces = FREE) -> Service:
    """The app; nothing connects before it is started. `paces` by the worker's name. Raises
    SettingsError when a setting is missing."""
    dsn = settings.need("user_db")
    pool = pool_for(dsn, "user-service")
    broker = broker_for(settings.need("broker_url"))
    relay = Relay(dsn, broker, USER_SERVICE, paces["relay"], settings.event_format)
    users = GroupCommit(partial(create_users, pool), committed=relay.wake)
    accounts = GroupCommit(partial(create_accounts, pool), committed=relay.wake)
    workers = Workers(relay=relay)

    routers = [
        user_routes(pool, users, accounts),
        query_routes(PREFIX, pool),
        log_routes(PREFIX, pool, USER_SERVICE, FOLDS),
        health_routes(PREFIX, pool, "select from demo.outbox limit 1", broker, workers),
    ]
    description = "Command side: creates users and their accounts."
    return http_service(
        "user-service", description, PREFIX, settings, pool, broker, workers, routers
    )
