"""One service in the foreground, and the schemas it needs: what containers run. Configured from the
environment alone."""

import gc
import os
import signal
import socket
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from cqrs_demo.settings import DEFAULT_PORTS, Service, Settings, SettingsError, read_settings

if TYPE_CHECKING:
    from types import FrameType

    import uvicorn

    from cqrs_demo.http.service import Service as HttpService

DATABASES = ("user_db", "order_db", "payment_db", "invoice_db")
LONGEST_STOP = 4.2  # seconds after SIGTERM


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel="In containers")(serve)
    app.command(rich_help_panel="In containers")(migrate)


def serve(
    service: Annotated[Service, typer.Argument(help="Which one.", show_default=False)],
) -> None:
    """Run one service in the foreground, configured from the environment.

    Its database (CQRS_USER_DB, CQRS_ORDER_DB, CQRS_PAYMENT_DB or CQRS_INVOICE_DB) and
    CQRS_BROKER_URL must be set. CQRS_HOST, CQRS_PORT, CQRS_API_TOKEN and CQRS_WORKSHOP may be; so
    may CQRS_EVENT_FORMAT (json or avro: what it publishes; it reads both), and for order-service
    CQRS_APPROVAL_FROM and CQRS_PAYMENT_DEADLINE. SIGTERM ends it within five seconds.
    """
    stop = _Stop()
    from cqrs_demo import logs

    logs.configure(service)
    settings = read_settings()
    app = service_for(service, settings)
    listener = _listen(service, settings)
    # What is there by now never becomes garbage. To walk all of it again and again, looking for
    # some, cost a seventh of the processor under load, and now and then stopped every request for
    # 50 ms. And what a request makes is freed without being looked for, so that looking after every
    # 700 objects cost another tenth.
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    stop.run(app, listener)


def service_for(name: str, settings: Settings) -> "HttpService":
    """The service, with the controls of a workshop where they are asked for."""
    build = import_module(f"cqrs_demo.{name.replace('-', '_')}.server").build
    if settings.workshop:
        from cqrs_demo.tooling.controls.service import built_with_controls

        return built_with_controls(build, settings)
    service: HttpService = build(settings)
    return service


def _listen(service: str, settings: Settings) -> socket.socket:
    """Raises SettingsError when the address is not to be had."""
    host, port = settings.host, DEFAULT_PORTS[service] if settings.port is None else settings.port
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        raise SettingsError(
            f"{service} cannot listen on {host} port {port}: {error.strerror}. Set CQRS_PORT (or "
            "CQRS_HOST) to another"
        ) from error


class _Stop:
    """SIGTERM from the first moment on: uvicorn listens to it only when it runs, after a second of
    imports.

    The handler notes it and raises nothing: an exception would surface wherever Python is just
    then, and be lost in some `except`.
    """

    def __init__(self) -> None:
        self._asked = False
        self._server: uvicorn.Server | None = None
        signal.signal(signal.SIGTERM, self._note)

    def _note(self, *_: object) -> None:
        self._asked = True
        if self._server is not None:
            self._server.should_exit = True

    def run(self, app: "HttpService", listener: socket.socket) -> None:
        """Until SIGTERM or Ctrl-C. Raises Exit with code 1 when the app does not start, and when
        one of its workers ends."""
        import uvicorn

        from cqrs_demo.http.service import server_config

        class Server(uvicorn.Server):
            async def on_tick(self, counter: int) -> bool:
                return bool(app.workers.ended) or await super().on_tick(counter)

            def handle_exit(self, sig: int, frame: "FrameType | None") -> None:
                _end_in_any_case()
                super().handle_exit(sig, frame)

        self._server = Server(server_config(app))
        if self._asked:
            return
        self._server.run(sockets=[listener])
        if (
            not self._server.started or not self._server.should_exit
        ):  # nobody asked it to end: a worker did
            raise typer.Exit(1)


def _end_in_any_case() -> None:
    """Whatever hangs, on a database that does not answer for instance: what is unfinished then is
    done again at the next start."""
    last_resort = threading.Timer(LONGEST_STOP, os._exit, [0])
    last_resort.daemon = True
    last_resort.start()


def migrate(
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for the database server to answer.")
    ] = 60,
) -> None:
    """Make databases, roles and schemas, then end. Safe to run again, and twice at once.

    The server should be the shop's own: only roles that were granted it by name can connect to its
    databases afterwards.

    Reads CQRS_ADMIN_DB (a superuser's DSN) and the DSNs the services will use: CQRS_USER_DB,
    CQRS_ORDER_DB, CQRS_PAYMENT_DB, CQRS_INVOICE_DB, and CQRS_BROKER_URL where that is PGMQ's (postgresql://…).
    """
    import psycopg

    from cqrs_demo.tooling.runtime import migrations

    settings = read_settings()
    admin = settings.need("admin_db")
    services = [settings.need(name) for name in DATABASES]
    broker = (
        settings.broker_url
        if settings.broker_url and settings.broker_url.startswith("postgres")
        else None
    )
    try:
        migrations.wait_for_server(admin, wait)
        applied = migrations.migrate(admin, services, broker)
    except migrations.MigrationError as error:
        raise SettingsError(str(error)) from error
    except psycopg.Error as error:
        print(f"cqrs-demo: the schemas could not be made: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    print("\n".join(f"applied {name}" for name in applied) or "every schema is the newest already")
