"""A synchronous client of a running system: commands, queries, tables as DataFrames, and the
controls that stop time.

It shows what is there, as it is. What a notebook uses is shop.py, which narrows this to the
notebook's own rows.
"""

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, Self

import httpx
import pandas as pd

from cqrs_demo.exact_json import dumps, loads
from cqrs_demo.tooling.runtime.system import RunningSystem
from cqrs_demo.tooling.workshop.answer import HEADERS, Answer, Refused, number
from cqrs_demo.tooling.workshop.broker import SyncBroker
from cqrs_demo.tooling.workshop.tables import Databases

COMMAND_SERVICES = ("user-service", "order-service")
PATIENCE = 30.0
"""Seconds to wait for what takes milliseconds when all is well, before saying that it does not
happen."""


class NoAnswer(Exception):
    """Nobody answers: the service is down, or starting again."""


class TookTooLong(Exception):
    """What was waited for did not happen. The text says what, and where things stand."""


class Client:
    """One running system.

    Service names are written with a dash ("order-service"), databases with an underscore
    ("order_service").
    """

    def __init__(self, system: RunningSystem) -> None:
        self.system = system
        self._http = httpx.Client(
            timeout=40, headers=system.headers, trust_env=False
        )  # longer than the longest `wait`
        self._databases = Databases(system.databases)

    def close(self) -> None:
        self._http.close()
        self._databases.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Commands and queries.

    def create_user(self, name: str, email: str, *, idempotency_key: str | None = None) -> Answer:
        return self.post("user-service", "/users", {"name": name, "email": email}, idempotency_key)

    def create_account(
        self,
        user_id: int,
        address1: str,
        city: str,
        state: str,
        zip: str,
        *,
        idempotency_key: str | None = None,
    ) -> Answer:
        body = {"user_id": user_id, "address1": address1, "city": city, "state": state, "zip": zip}
        return self.post("user-service", "/accounts", body, idempotency_key)

    def place_order(
        self,
        user_id: int,
        description: str,
        amount: Decimal | int | float | str,
        purchase_dt: str | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Answer:
        """`purchase_dt` is RFC 3339, such as 2025-04-03T10:00:00Z; without it the order is of
        now."""
        body = {"user_id": user_id, "description": description, "amount": number(amount)}
        if purchase_dt is not None:
            body["purchase_dt"] = purchase_dt
        return self.post("order-service", "/orders", body, idempotency_key)

    def invoice(self, user_id: int, year: int, month: int, **more: Any) -> Answer:
        """One user's invoice for one month. `more`: after_event and wait (seconds), or as_of."""
        return self.get(
            "invoice-service", "/invoices", user_id=user_id, year=year, month=month, **more
        )

    def get(self, service: str, path: str, **parameters: Any) -> Answer:
        return self._call(
            "GET",
            service,
            path,
            params={name: value for name, value in parameters.items() if value is not None},
        )

    def post(
        self, service: str, path: str, body: Any, idempotency_key: str | None = None
    ) -> Answer:
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._send("POST", service, path, body, headers)

    def put(self, service: str, path: str, body: Any) -> Answer:
        return self._send("PUT", service, path, body, {})

    def _send(
        self, method: str, service: str, path: str, body: Any, headers: Mapping[str, str]
    ) -> Answer:
        return self._call(
            method,
            service,
            path,
            content=dumps(body),
            headers={"Content-Type": "application/json", **headers},
        )

    def _call(self, method: str, service: str, path: str, **options: Any) -> Answer:
        try:
            answer = self._http.request(method, self.system.url(service) + path, **options)
        except httpx.HTTPError as error:
            raise NoAnswer(f"{service} does not answer ({type(error).__name__})") from error
        body = (
            answer.text
            if "ndjson" in answer.headers.get("content-type", "")
            else loads(answer.content)
        )
        return Answer(
            answer.status_code,
            body,
            {name: answer.headers[name] for name in HEADERS if name in answer.headers},
        )

    def events(self, service: str, *, after: int = 0, limit: int = 1000) -> list[dict[str, Any]]:
        """The service's log from a position on: CloudEvents, in log order."""
        lines = self.get(service, "/events", after=after, limit=limit).body.split(
            "\n"
        )  # not splitlines(): a text may hold U+2028
        return [loads(line.encode()) for line in lines if line]

    # Tables.

    def table(self, database: str, table: str, *, limit: int | None = None) -> pd.DataFrame:
        """A table of the schema `demo`, ordered by its first column. Read with the rights of the
        service that owns it."""
        return self._databases.read(database, self._databases.select(table, limit))

    def sql(self, database: str, query: str, **parameters: Any) -> pd.DataFrame:
        """What a query finds; parameters are written :name. Raises Refused with what PostgreSQL
        says."""
        return self._databases.read(database, query, **parameters)

    def execute(self, database: str, statement: str, **parameters: Any) -> int:
        """Run a statement and commit; how many rows it concerned. Raises Refused with what
        PostgreSQL says."""
        return self._databases.execute(database, statement, **parameters)

    # The broker.

    def broker(self) -> SyncBroker:
        """A connection of its own; close it. Raises NoAnswer when the system has no broker to
        connect to."""
        if self.system.broker is None:
            raise NoAnswer("the system's broker is not known: it is still starting")
        return SyncBroker(self.system.broker.url)

    def depths(self) -> dict[str, int]:
        """Messages ready in each queue, read from the broker itself. Raises BrokerUnavailable."""
        with self.broker() as broker:
            return broker.depths()

    # Time.

    def relay(self, service: str) -> dict[str, Any]:
        """A command service's relay: {"mode", "leading", "trouble", "outbox"}."""
        return self._control("GET", service, "relay")

    def consumer(self) -> dict[str, Any]:
        """{"mode", "trouble", "counts", "queues"}."""
        return self._control("GET", "invoice-service", "consumer")

    def set_relay(self, service: str, mode: Literal["running", "paused"]) -> dict[str, Any]:
        """Once this returns with "paused", nothing leaves the outbox."""
        return self._control("PUT", service, "relay", {"mode": mode})

    def set_consumer(self, mode: Literal["running", "paused"]) -> dict[str, Any]:
        """Once this returns with "paused", nothing leaves the queues."""
        return self._control("PUT", "invoice-service", "consumer", {"mode": mode})

    def step_relay(self, service: str, count: int = 1) -> int:
        """Publish up to `count` events of a paused relay; how many there were. Raises Refused when
        it runs."""
        return int(self._control("POST", service, "relay/step", {"count": count})["moved"])

    def step_consumer(self, count: int = 1) -> int:
        """Project up to `count` messages of a paused consumer; how many there were. Raises Refused
        when it runs."""
        return int(
            self._control("POST", "invoice-service", "consumer/step", {"count": count})["moved"]
        )

    def _control(self, method: str, service: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = (
            self.get(service, f"/{path}")
            if method == "GET"
            else self._send(method, service, f"/{path}", body, {})
        )
        if not answer.ok:
            raise Refused(f"{service}: {answer.body['detail']}")
        return dict(answer.body)

    def wait_until_projected(self, event_id: str, seconds: float = PATIENCE) -> None:
        """Raises TookTooLong."""
        query = "select 1 from demo.processed_events where event_id = cast(:event_id as uuid)"
        deadline = time.monotonic() + seconds
        while self.sql("invoice_service", query, event_id=event_id).empty:
            if time.monotonic() > deadline:
                raise TookTooLong(
                    f"event {event_id} is not projected after {seconds:.0f} s. Is the relay or "
                    "the consumer paused?"
                )
            time.sleep(0.02)

    def run(
        self, kind: Literal["replay", "verify"], seconds: float = 600, **body: Any
    ) -> dict[str, Any]:
        """Start a replay or a verify in invoice-service and wait for its result. Raises Refused
        when it fails, TookTooLong."""
        begun = self.post("invoice-service", f"/{kind}", body)
        deadline = time.monotonic() + seconds
        while begun["state"] == "running":
            if time.monotonic() > deadline:
                raise TookTooLong(f"the {kind} still runs after {seconds:.0f} s")
            time.sleep(0.05)
            begun = self.get("invoice-service", f"/{kind}")
        if begun["state"] != "done":
            raise Refused(f"the {kind} has {begun['state']}: {begun['error']}")
        return dict(begun["result"])

    # Dead letters.

    def dead_letters(self, status: str = "waiting") -> pd.DataFrame:
        """Newest first; status is waiting, retried, discarded or all."""
        return pd.DataFrame(
            self.get("invoice-service", "/dead-letters", status=status, limit=1000).body
        )

    def retry_dead_letters(self, *ids: int) -> dict[str, int]:
        """{"applied", "failed"}; without ids, all that wait."""
        return dict(self.post("invoice-service", "/dead-letters/retry", _chosen(ids)).body)

    def discard_dead_letters(self, *ids: int) -> dict[str, int]:
        """{"discarded"}; without ids, all that wait."""
        return dict(self.post("invoice-service", "/dead-letters/discard", _chosen(ids)).body)


def _chosen(ids: tuple[int, ...]) -> dict[str, Any]:
    return {"ids": list(ids)} if ids else {"all": True}
