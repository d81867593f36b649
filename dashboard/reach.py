"""How the dashboard reaches the system: where it is, HTTP as any client's, and SQL in read-only
sessions as the service's own role.

A service that does not answer is left alone for a second. Next: fetch.py, what is asked.
"""

import os
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import uuid4

import httpx
import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401  # here, once: two threads that need it first at the same time break it
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from cqrs_demo import exact_json as json
from cqrs_demo.settings import DEFAULT_PORTS
from cqrs_demo.tooling.runtime.system import PREFIXES, Process, SystemProblem, data_folder, running
from shared import forget_all, shared

Row = dict[str, Any]

SERVICES = tuple(PREFIXES)
DATABASES = {
    "user-service": "user_service",
    "order-service": "order_service",
    "invoice-service": "invoice_service",
}
LOOK, ACT = 1.5, 15.0  # seconds a look and a command may take
LEFT_ALONE = 1.0  # seconds


class Trouble(Exception):
    """Something a person can be told. `where` is a service, a database or the system."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(why)
        self.where = where


class Away(Trouble):
    """No answer, or one that says that something behind it is away; then `code` is the
    problem's."""

    def __init__(self, where: str, why: str, code: str | None = None) -> None:
        super().__init__(where, why)
        self.code = code


class Refused(Trouble):
    """The service says no. `fields` has what is wrong with which field; `code` is the problem's."""

    def __init__(self, where: str, problem: Row) -> None:
        super().__init__(where, str(problem.get("detail") or problem.get("title") or "refused"))
        self.status, self.code = problem.get("status"), problem.get("code")
        self.fields = {error["field"]: error["message"] for error in problem.get("errors") or []}


@dataclass(frozen=True)
class Place:
    """Where a system is. Processes are known only for one that `cqrs-demo up` started on this
    machine."""

    urls: dict[str, str]
    databases: dict[str, str]
    broker_url: str | None
    processes: dict[str, Process | None] | None = None
    folder: str | None = None
    token: str | None = field(default=None, repr=False)

    @property
    def broker(self) -> str:
        return "RabbitMQ" if (self.broker_url or "").startswith("amqp") else "PGMQ"


@shared(1)
def place() -> Place:
    """The system that CQRS_USER_SERVICE_URL and its likes name (containers), else the one in the
    data folder. Raises Away."""
    return _named_place() if "CQRS_USER_SERVICE_URL" in os.environ else _found_place()


def _named_place() -> Place:
    given = os.environ
    names = {service: DATABASES[service].removesuffix("_service").upper() for service in SERVICES}
    default = {service: f"http://127.0.0.1:{DEFAULT_PORTS[service]}" for service in SERVICES}
    url = {s: given.get(f"CQRS_{names[s]}_SERVICE_URL", default[s]).rstrip("/") for s in SERVICES}
    return Place(
        urls={s: url[s].removesuffix(PREFIXES[s]) + PREFIXES[s] for s in SERVICES},
        databases={
            DATABASES[s]: given[f"CQRS_{names[s]}_DB"]
            for s in SERVICES
            if f"CQRS_{names[s]}_DB" in given
        },
        broker_url=given.get("CQRS_BROKER_URL"),
        token=given.get("CQRS_API_TOKEN"),
    )


def _found_place() -> Place:
    try:
        folder = data_folder()
        run = running(folder)
    except SystemProblem as problem:
        raise Away("the system", str(problem)) from problem
    if run is None or not run.databases:
        raise Away(
            "the system",
            f"no system runs in {folder.path}, or it is just starting. Start it with `cqrs-demo "
            "up`",
        )
    return Place(
        urls={name: child.url + PREFIXES[name] for name, child in run.services.items()},
        databases=run.databases,
        broker_url=run.broker.url if run.broker else None,
        processes={name: child.process for name, child in run.services.items()},
        folder=str(folder.path),
        token=run.token,
    )


# HTTP


@lru_cache
def _client() -> httpx.Client:
    return httpx.Client(timeout=LOOK, trust_env=False)


_away_until: dict[str, tuple[float, str]] = {}


def look(service: str, path: str, **query: Any) -> Any:
    """What a GET answers. Raises Away, Refused."""
    until, why = _away_until.get(service, (0.0, ""))
    if time.monotonic() < until:
        raise Away(service, why)
    return _answer(service, "GET", path, timeout=LOOK, params=query).body


def send(service: str, path: str, body: Row) -> "Answer":
    """A command. It carries a key of its own, so trying once more after a broken connection is
    safe. Raises Away, Refused."""
    key = {"Idempotency-Key": str(uuid4())}
    try:
        return act(service, path, body, headers=key)
    except Away:
        return act(service, path, body, headers=key)


def act(
    service: str,
    path: str,
    body: Row,
    *,
    method: str = "POST",
    headers: dict[str, str] | None = None,
) -> "Answer":
    """What is done once or not at all: a step taken twice is two steps. Raises Away, Refused."""
    headers = {"Content-Type": "application/json", **(headers or {})}
    return _answer(service, method, path, timeout=ACT, headers=headers, content=json.dumps(body))


@dataclass(frozen=True)
class Answer:
    """`asked` and `answered` are seconds since the epoch, by this machine's clock."""

    body: Any
    event_id: str | None
    asked: float
    answered: float


def _answer(
    service: str,
    method: str,
    path: str,
    *,
    timeout: float,
    headers: dict[str, str] | None = None,
    **options: Any,
) -> Answer:
    at, asked = place(), time.time()
    token = {"Authorization": f"Bearer {at.token}"} if at.token else {}
    try:
        response = _client().request(
            method,
            at.urls[service] + path,
            timeout=timeout,
            headers={**token, **(headers or {})},
            **options,
        )
    except httpx.HTTPError as error:
        why = "does not answer" if isinstance(error, httpx.TimeoutException) else "is not there"
        _away_until[service] = (time.monotonic() + LEFT_ALONE, why)
        raise Away(service, why) from error
    answered = time.time()
    if response.is_success:
        _away_until.pop(service, None)
        body = (
            json.loads(response.content)
            if response.headers["content-type"].startswith("application/json")
            else response.text
        )
        return Answer(body, response.headers.get("x-event-id"), asked, answered)
    problem = _problem(response)
    if response.status_code >= 500:
        raise Away(service, str(problem.get("detail") or "has an error"), problem.get("code"))
    raise Refused(service, problem)


def _problem(response: httpx.Response) -> Row:
    try:
        body = json.loads(response.content)
    except ValueError:
        body = None
    return (
        body
        if isinstance(body, dict)
        else {"status": response.status_code, "detail": f"answered {response.status_code}"}
    )


# SQL: looks only


_engines: dict[str, Engine] = {}


def _engine(dsn: str) -> Engine:
    """Made at the first need and kept; a system started anew may have other DSNs, so the old ones'
    connections go."""
    if dsn not in _engines:
        for old in [
            known
            for known in _engines
            if known not in (*place().databases.values(), place().broker_url)
        ]:
            _engines.pop(old).dispose()
        _engines[dsn] = _make_engine(dsn)
    return _engines[dsn]


def _make_engine(dsn: str) -> Engine:
    options = "-c default_transaction_read_only=on -c statement_timeout=3000"
    url = make_url(dsn).set(drivername="postgresql+psycopg")
    arguments = {"connect_timeout": 2, "options": options, "application_name": "dashboard"}
    return create_engine(
        url,
        connect_args=arguments,
        pool_size=2,
        max_overflow=4,
        pool_timeout=3,
        isolation_level="AUTOCOMMIT",
    )


def query(database: str, statement: str, **parameters: Any) -> list[Row]:
    """Rows of a service's database (or of "broker", where that is PGMQ). Raises Away."""
    at = place()
    dsn = at.broker_url if database == "broker" else at.databases.get(database)
    if dsn is None:
        raise Away(f"database {database}", "is not known here")
    engine = _engine(dsn)
    for again in (True, False):  # a pooled connection may have died with the last database
        try:
            with engine.connect() as connection:
                return [
                    dict(row) for row in connection.execute(text(statement), parameters).mappings()
                ]
        except SQLAlchemyError as error:
            if not again:
                raise Away(f"database {database}", "does not answer") from error
            engine.dispose()
    raise AssertionError


def close() -> None:
    """Forget the system: connections, answers, and whose silence was noted."""
    while _engines:
        _engines.popitem()[1].dispose()
    _away_until.clear()
    forget_all()
