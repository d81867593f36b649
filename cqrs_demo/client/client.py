"""What can be asked of a system over HTTP, one method each.

Commands, and the invoice of a month, give an Answer, refusals included: they are there to be looked
at. Everything else gives what was asked for, or raises. Next: answer.py, errors.py; http.py, which
sends.
"""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from cqrs_demo.client.answer import Answer, number
from cqrs_demo.client.errors import Refused, TookTooLong
from cqrs_demo.client.feed import FeedReader
from cqrs_demo.client.http import Http
from cqrs_demo.exact_json import loads

Json = dict[str, Any]
Mode = Literal["running", "paused"]
Kind = Literal["replay", "verify"]


class Client(Http):
    """One running system. Service names are written with a dash ("order-service")."""

    # Commands. With a key, the same call can be repeated: it makes one row.

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

    def cancel_order(
        self, order_id: int, reason: str | None = None, *, idempotency_key: str | None = None
    ) -> Answer:
        """Refused while the order waits for its credit, and when it was rejected."""
        body = {} if reason is None else {"reason": reason}
        return self.post("order-service", f"/orders/{order_id}/cancel", body, idempotency_key)

    def limit_credit(
        self,
        user_id: int,
        limit: Decimal | int | float | str,
        *,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Refused for a limit below what is reserved."""
        body = {"limit": number(limit)}
        return self.put("payment-service", f"/credits/{user_id}", body, idempotency_key)

    # Queries.

    def order(self, order_id: int) -> Json:
        """As it is now; one that needs credit with its "saga": state, deadline and history."""
        return self._one("order-service", f"/orders/{order_id}")

    def credit(self, user_id: int) -> Json:
        """{"user_id", "limit", "reserved", "available"}."""
        return self._one("payment-service", f"/credits/{user_id}")

    def invoice(self, user_id: int, year: int, month: int, **more: Any) -> Answer:
        """One user's invoice for one month. `more`: after_event and wait (seconds), or as_of."""
        return self.get(
            "invoice-service", "/invoices", user_id=user_id, year=year, month=month, **more
        )

    def search_invoices(self, **wanted: Any) -> list[Json]:
        """Without their lines, newest months first. `wanted`: words, user_id, year, month, limit,
        offset."""
        return self._list("invoice-service", "/search/invoices", **wanted)

    def moments(self, invoice_id: str, **page: Any) -> list[Json]:
        """When the invoice became another: {"happened_at", "orders"}, oldest first. `page`: after
        (the last moment had), limit."""
        return self._list("invoice-service", f"/invoices/{invoice_id}/moments", **page)

    def revenue(self, year: int, top: int = 10) -> Json:
        return self._one("invoice-service", "/reports/revenue", year=year, top=top)

    def statistics(self, service: Literal["order-service", "invoice-service"]) -> Json:
        """Counts and sums of all orders: of those approved, or of those on invoices. order-service
        also counts those that are pending, rejected and cancelled."""
        return self._one(service, "/statistics")

    def users(self, limit: int = 100) -> list[Json]:
        """The newest first."""
        return self._list("user-service", "/users", limit=limit)

    def accounts(self, user_id: int, limit: int = 100) -> list[Json]:
        """A user's, the newest first."""
        return self._list("user-service", f"/users/{user_id}/accounts", limit=limit)

    # Events.

    def feed(self, service: str, **wanted: str) -> FeedReader:
        """The service's log as a stream. `wanted`: type, subject, correlation, since, until."""
        return FeedReader(self, service, wanted)

    def events(self, service: str, *, after: int = 0, limit: int = 1000) -> list[Json]:
        """The service's log from a position on: CloudEvents, in log order."""
        lines = self.get(service, "/events", after=after, limit=limit).checked().body.split("\n")
        return [loads(line.encode()) for line in lines if line]  # no splitlines(): U+2028 is text

    def newest_events(self, service: str, most: int = 1) -> list[Json]:
        """In log order. Positions that were taken and never used count, too."""
        return self.events(service, after=max(0, self.log_end(service) - most), limit=most)

    def log_end(self, service: str) -> int:
        """Up to which position the service's log can be read now."""
        return self.feed(service).end()

    def event(self, service: str, event_id: str | UUID) -> Json:
        """One event of the service's log."""
        return self._one(service, f"/events/{event_id}")

    def projected(self, *event_ids: str) -> dict[str, str]:
        """Since when each of these events is projected; without those that are not. Up to 100."""
        found = self._list("invoice-service", "/inbox", event_id=event_ids) if event_ids else []
        return {row["event_id"]: row["projected_at"] for row in found}

    # Operations.

    def verify_write_side(self, service: str) -> list[Json]:
        """The service's tables, compared with its log."""
        return self._list(service, "/verify")

    def start(self, kind: Kind, **body: Any) -> Json:
        """Begin a replay or a verify in invoice-service. Answers at once, with its progress."""
        return dict(self.post("invoice-service", f"/{kind}", body).checked().body)

    def progress(self, kind: Kind) -> Json | None:
        """Of the one that runs, else of the last; None when there was none."""
        answer = self.get("invoice-service", f"/{kind}")
        return None if answer.status == 404 else dict(answer.checked().body)

    def stop(self, kind: Kind) -> None:
        self.delete("invoice-service", f"/{kind}").checked()

    def run(
        self,
        kind: Kind,
        seconds: float = 600,
        tell: Callable[[Json], None] = lambda _: None,
        **body: Any,
    ) -> Json:
        """Start a replay or a verify and wait for its result; `tell` is called with its progress.
        Raises Refused when it fails, TookTooLong."""
        run: Json | None = self.start(kind, **body)
        deadline = time.monotonic() + seconds
        while run is None or run["state"] == "running":
            if time.monotonic() > deadline:
                raise TookTooLong(f"the {kind} still runs after {seconds:.0f} s")
            time.sleep(0.05)
            if run := self.progress(kind):
                tell(run)
        if run["state"] != "done":
            raise Refused(f"the {kind} has {run['state']}: {run['error']}")
        return dict(run["result"])

    def dead_letters(self, service: str = "invoice-service", **wanted: Any) -> list[Json]:
        """Newest first, without their bodies. `wanted`: status, reason, event_type, limit."""
        return self._list(service, "/dead-letters", **wanted)

    def dead_letter_groups(
        self, status: str = "waiting", service: str = "invoice-service"
    ) -> list[Json]:
        """How many of which type for which reason, the largest group first."""
        return self._list(service, "/dead-letters/groups", status=status)

    def dead_letter(self, id: int, service: str = "invoice-service") -> Json:
        return self._one(service, f"/dead-letters/{id}")

    def settle_dead_letters(
        self,
        how: Literal["retry", "discard"],
        chosen: Json,
        service: str = "invoice-service",
    ) -> dict[str, int]:
        """{"applied", "failed"} or {"discarded"}. `chosen`: ids, reason, event_type, or all."""
        return dict(self.post(service, f"/dead-letters/{how}", chosen).checked().body)

    def retry_edited(self, id: int, body: str, service: str = "invoice-service") -> None:
        """Apply `body` in place of the dead letter's own. Raises Refused: it says what is still
        wrong."""
        self.post(service, f"/dead-letters/{id}/retry", {"body": body}).checked()

    # Controls: of a system that runs with CQRS_WORKSHOP=1.

    def relay(self, service: str) -> Json:
        """A command service's relay: {"mode", "leading", "trouble", "outbox", "published"}."""
        return self._one(service, "/relay")

    def consumer(self, service: str = "invoice-service") -> Json:
        """{"mode", "trouble", "counts", "queues", "latency"}."""
        return self._one(service, "/consumer")

    def set_relay(self, service: str, mode: Mode) -> Json:
        """Once this returns with "paused", nothing leaves the outbox."""
        return dict(self.put(service, "/relay", {"mode": mode}).checked().body)

    def set_consumer(self, mode: Mode, service: str = "invoice-service") -> Json:
        """Once this returns with "paused", nothing leaves the queues."""
        return dict(self.put(service, "/consumer", {"mode": mode}).checked().body)

    def step_relay(self, service: str, count: int = 1) -> int:
        """Publish up to `count` events of a paused relay; how many there were. Raises Refused when
        it runs."""
        return int(self.post(service, "/relay/step", {"count": count}).checked()["moved"])

    def step_consumer(self, count: int = 1, service: str = "invoice-service") -> int:
        """Apply up to `count` messages of a paused consumer; how many there were. Raises Refused
        when it runs."""
        answer = self.post(service, "/consumer/step", {"count": count})
        return int(answer.checked()["moved"])

    def damage(self) -> Json:
        """Change the read model behind the projection's back: {"invoice_id", "user_id",
        "invoice_dt", "changed", "lost"}."""
        return dict(self.post("invoice-service", "/damage", {}).checked().body)

    def passage(self, service: str, loop: Literal["relay", "consumer"], event_id: str) -> Json:
        """When the event passed there: {"event_id", "at"}."""
        return self._one(service, f"/{loop}/passages/{event_id}")

    def counts(
        self,
        service: str,
        since: int = 0,
        width: int = 1,
        of: Literal["log", "inbox"] | None = None,
    ) -> Json:
        """Events by the second in which they were born, from `since` (seconds since the epoch) on:
        {"at", "count", "born"}. Those of the service's log, or those that its inbox is done with;
        without `of` the log's, where it has one."""
        side = {"of": of} if of else {}
        return self._one(service, "/counts", since=since, width=width, **side)

    def received(self, service: str, *event_ids: str) -> dict[str, str]:
        """Since when each of these events is in the service's inbox; without those that are not. Up
        to 100."""
        path = "/consumer/received"
        found = self._list(service, path, event_id=event_ids) if event_ids else []
        return {row["event_id"]: row["at"] for row in found}

    def passages(
        self, service: str, loop: Literal["relay", "consumer"], after: int = 0, limit: int = 1000
    ) -> Json:
        """What passed there lately: {"began", "last", "missed", "passages"}. Ask on with
        after=last."""
        return self._one(service, f"/{loop}/passages", after=after, limit=limit)

    def _one(self, service: str, path: str, **query: Any) -> Json:
        return dict(self.get(service, path, **query).checked().body)

    def _list(self, service: str, path: str, **query: Any) -> list[Json]:
        return list(self.get(service, path, **query).checked().body)
