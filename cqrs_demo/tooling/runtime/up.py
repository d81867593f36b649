"""What one system consists of: its parts, how they find each other, and what is written down about
them.

The supervisor keeps the parts running; this says which they are. A service gets its own database's
DSN and no other.
"""

import os
import secrets
import sys
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from cqrs_demo.client.place import LOGS_OF_INVOICES, PREFIXES
from cqrs_demo.settings import DEFAULT_PORTS, read_rules, read_token, read_wire
from cqrs_demo.tooling.runtime.brokers import named_rabbitmq, what_stays_behind
from cqrs_demo.tooling.runtime.parts import Part, Postgres, PrivateRabbit, Program
from cqrs_demo.tooling.runtime.ports import HOST
from cqrs_demo.tooling.runtime.private import make_private
from cqrs_demo.tooling.runtime.supervisor import Say, Supervisor
from cqrs_demo.tooling.runtime.system import (
    BrokerAddress,
    Folder,
    Phase,
    Process,
    StateFile,
    SystemRun,
)

DASHBOARD_PORT = 8501
RULES = ("CQRS_APPROVAL_FROM", "CQRS_PAYMENT_DEADLINE")
TAKEN = (
    f"only CQRS_DATA_DIR, CQRS_API_TOKEN, {', '.join(RULES)}, CQRS_EVENT_FORMAT and, with "
    "--broker rabbitmq, CQRS_BROKER_URL"
)
ROLES = ("user_service", "order_service", "payment_service", "invoice_service", "broker")


class System:
    """The parts of the system in `folder`. Make one only with the folder held."""

    def __init__(
        self, folder: Folder, broker: Literal["pgmq", "rabbitmq"], *, dashboard: bool, say: Say
    ) -> None:
        """Raises NoBroker when `broker` is rabbitmq and there is none to be had, SettingsError for
        a malformed token, rule or format."""
        self._token, self._rules, self._wire = read_token(), read_rules(), read_wire()
        self._named_rabbitmq = named_rabbitmq() if broker == "rabbitmq" else None
        self._folder, self._say = folder, say
        make_private(folder.path)
        folder.logs.mkdir(mode=0o700, exist_ok=True)
        if unused := unused_settings(broker):
            say(f"`up` does not use {', '.join(unused)}: {TAKEN}")
        known = folder.read() or StateFile(made_by="cqrs-demo", passwords={})
        # A folder of an earlier version lacks the passwords of services that it did not have.
        passwords = {role: secrets.token_urlsafe(18) for role in ROLES} | known.passwords
        self._state = known.model_copy(update={"passwords": passwords})
        folder.write(self._state)  # before there is a database that these passwords open
        if told := what_stays_behind(self._state.broker, broker):
            say(told)
        self._postgres = Postgres(
            folder.postgres, self._state.passwords, pgmq=broker == "pgmq", say=say
        )
        self._rabbit = (
            PrivateRabbit(folder.rabbitmq)
            if broker == "rabbitmq" and self._named_rabbitmq is None
            else None
        )
        self._services = {name: self._service(name) for name in DEFAULT_PORTS}
        self._dashboard = self._make_dashboard() if dashboard else None
        self._myself = Process.of(os.getpid())

    def supervisor(self) -> Supervisor:
        ground: list[Part] = [part for part in (self._postgres, self._rabbit) if part is not None]
        *writers, invoice_service = self._services.values()
        # The read side comes after: it is told where the logs are, and a port is certain only once
        # its service is up.
        readers: list[Part] = [
            part for part in (invoice_service, self._dashboard) if part is not None
        ]
        return Supervisor([ground, writers, readers], self._say, self._record)

    def _broker(self) -> BrokerAddress:
        """Known once the ground stage works."""
        if self._rabbit is not None:
            return BrokerAddress(kind="rabbitmq", url=self._rabbit.url())
        if self._named_rabbitmq is not None:
            return BrokerAddress(kind="rabbitmq", url=self._named_rabbitmq)
        return BrokerAddress(kind="pgmq", url=self._postgres.dsn("broker"))

    def _service(self, name: str) -> Program:
        def settings(port: int) -> dict[str, str]:
            database = name.replace("-", "_")
            told = {
                f"CQRS_{database.removesuffix('_service').upper()}_DB": self._postgres.dsn(
                    database
                ),
                "CQRS_BROKER_URL": self._broker().url,
                "CQRS_HOST": HOST,
                "CQRS_PORT": str(port),
                "CQRS_WORKSHOP": "1",
            }
            if self._token is not None:
                told["CQRS_API_TOKEN"] = self._token
            if name == "order-service":
                told |= self._rules
            if name != "invoice-service":  # it publishes nothing
                told |= self._wire
            return _inherited() | told | (self._logs() if name == "invoice-service" else {})

        def command(port: int) -> list[str]:
            return [sys.executable, "-P", "-m", "cqrs_demo", "serve", name]

        health = f"{PREFIXES[name]}/healthcheck"
        return Program(
            name,
            DEFAULT_PORTS[name],
            command,
            settings,
            health,
            self._folder.path,
            self._say,
            self._token,
        )

    def _logs(self) -> dict[str, str]:
        """Where the reader finds the logs. It alone is told: when one of them moves, who was told
        is started again."""
        return {
            f"CQRS_{name.replace('-', '_').upper()}_URL": self._services[name].where()
            + PREFIXES[name]
            for name in LOGS_OF_INVOICES
        }

    def _make_dashboard(self) -> Program | None:
        file = dashboard_file()
        if file is None or find_spec("streamlit") is None:
            return None

        def settings(port: int) -> dict[str, str]:
            return _inherited() | {"CQRS_DATA_DIR": str(self._folder.path)}

        def command(port: int) -> list[str]:
            return [sys.executable, "-P", "-m", "streamlit", *streamlit_arguments(file, HOST, port)]

        return Program(
            "dashboard",
            DASHBOARD_PORT,
            command,
            settings,
            "/_stcore/health",
            self._folder.path,
            self._say,
        )

    def _record(self, phase: Phase) -> None:
        """Called at every change, so that whoever finds us killed knows what to stop."""
        assert self._myself is not None
        known = phase == "ready"
        broker = self._broker() if known else self._state.broker
        run = SystemRun(
            supervisor=self._myself,
            phase=phase,
            services={name: service.record() for name, service in self._services.items()},
            databases=self._postgres.databases() if known else {},
            broker=broker if known else None,
            dashboard=self._dashboard.record() if self._dashboard else None,
            token=self._token,
        )
        self._state = self._state.model_copy(update={"run": run, "broker": broker})
        self._folder.write(self._state)

    def forget_run(self) -> None:
        """Everything has stopped."""
        self._folder.write(self._state.model_copy(update={"run": None}))


def unused_settings(broker: str) -> list[str]:
    """What was exported for a service of somebody's own, or is misspelt; `up` settles these things
    itself."""
    used = {"CQRS_DATA_DIR", "CQRS_API_TOKEN", "CQRS_EVENT_FORMAT", *RULES} | (
        {"CQRS_BROKER_URL"} if broker == "rabbitmq" else set()
    )
    return sorted(
        name
        for name, value in os.environ.items()
        if name.startswith("CQRS_") and value and name not in used
    )


def _inherited() -> dict[str, str]:
    """Our environment without the settings: what somebody exported for a service of his own must
    not reach these."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CQRS_")}


def dashboard_file() -> Path | None:
    """dashboard/serve.py of the checkout, or the copy the wheel carries."""
    places = (Path(str(files("cqrs_demo"))) / "dashboard", Path(__file__).parents[3] / "dashboard")
    return next((place / "serve.py" for place in places if (place / "serve.py").is_file()), None)


def streamlit_arguments(file: Path, host: str, port: int) -> list[str]:
    """How Streamlit is to show the dashboard."""
    server = {"address": host, "port": port, "headless": "true"}
    return [
        "run",
        str(file),
        *(f"--server.{name}={value}" for name, value in server.items()),
        "--browser.gatherUsageStats=false",
        # Else it walks all objects there are, looking for garbage, each time a live part has been
        # drawn: three quarters of the work.
        "--runner.postScriptGC=false",
    ]
