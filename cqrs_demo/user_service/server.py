"""user-service, put together: everything it is made of stands on this screen. Next: routes.py."""

from starlette.types import ASGIApp

from cqrs_demo.contract.events import USER_SERVICE
from cqrs_demo.database import pool_for
from cqrs_demo.http.lifespan import lifespan
from cqrs_demo.http.service import http_service
from cqrs_demo.messaging.connect import broker_for
from cqrs_demo.outbox.group_commit import GroupCommit
from cqrs_demo.outbox.relay import Relay
from cqrs_demo.outbox.routes import outbox_routes
from cqrs_demo.settings import Settings
from cqrs_demo.user_service.commands import CREATE_ACCOUNTS, CREATE_USERS
from cqrs_demo.user_service.fold import FOLDS
from cqrs_demo.user_service.routes import PREFIX, user_routes


def build(settings: Settings) -> ASGIApp:
    """The app; nothing connects before it is started. Raises SettingsError when a setting is missing."""
    dsn = settings.need("user_db")
    pool = pool_for(dsn, "user-service")
    broker = broker_for(settings.need("broker_url"))
    relay = Relay(dsn, broker, USER_SERVICE)
    users = GroupCommit(pool, CREATE_USERS, committed=relay.wake)
    accounts = GroupCommit(pool, CREATE_ACCOUNTS, committed=relay.wake)

    routers = [user_routes(pool, users, accounts), outbox_routes(PREFIX, pool, broker, relay, FOLDS, workshop=settings.workshop)]
    description = "Command side: creates users and their accounts."
    return http_service("user-service", description, settings, lifespan(pool, broker, relay), routers)
