"""Readers who look at invoices all the time, and at what they must never see.

What was read once stays so (nobody cancels an order): an invoice's lines and its total never become
fewer or less for a client. A total is the sum of the lines in the same answer. And an answer that
was to wait for an order's event has that order on it.
"""

import json
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import httpx

from tests.faults.load import MONTHS, Ledger, Order
from tests.faults.processes import Service

READERS = 2
PAUSE = 0.01  # seconds between two looks of one reader


class Reader:
    """One client. `wrong` is the first thing that it should not have seen; `answers` counts the
    invoices, and `waited` those of them that waited for an order's event."""

    def __init__(self, services: dict[str, Sequence[Service]], ledger: Ledger) -> None:
        self._services, self._ledger = services, ledger
        self._seen: dict[tuple[int, str], tuple[int, Decimal]] = {}
        self.wrong: str | None = None
        self.answers = self.waited = 0

    def read_until(self, stop: threading.Event) -> None:
        with httpx.Client(timeout=10) as client:
            while not stop.wait(PAUSE) and self.wrong is None:
                newest = list(self._ledger.newest)
                if newest and random.random() < 0.5:
                    self._read_after(client, *random.choice(newest))
                elif self._ledger.users:
                    user = random.choice(list(self._ledger.users))
                    self._read(client, user, random.choice(MONTHS))

    def _read_after(self, client: httpx.Client, order: Order, event_id: str) -> None:
        invoice = self._read(client, order.user_id, order.month, after_event=event_id, wait=1)
        if invoice is not None:
            self.waited += 1
            lines = [line["description"] for line in invoice["orders"]]
            self._expect(order.description in lines, f"{order} is not there after its event")

    def _read(
        self, client: httpx.Client, user: int, month: str, **more: Any
    ) -> dict[str, Any] | None:
        """The invoice, or None when nobody answered 200."""
        query = {"user_id": user, "year": month[:4], "month": int(month[5:]), **more}
        try:
            url = f"{random.choice(self._services['invoice-service']).url}/invoices"
            answer = client.get(url, params=query)
        except httpx.HTTPError:
            return None  # a copy that is down, or being killed
        if answer.status_code != 200:
            # An answer that waited for an order's event may not say that there is no invoice.
            missing = answer.status_code == 404 and (
                "after_event" in more or (user, month) in self._seen
            )
            self._expect(not missing, f"no invoice of {user} for {month}, asked with {more}")
            refused = answer.status_code not in (404, 503)
            self._expect(not refused, f"a query was answered {answer.status_code}: {answer.text}")
            return None
        invoice: dict[str, Any] = json.loads(answer.content, parse_float=Decimal)
        self._compare(user, month, invoice)
        return invoice

    def _compare(self, user: int, month: str, invoice: dict[str, Any]) -> None:
        self.answers += 1
        total, amounts = invoice["total"], [line["amount"] for line in invoice["orders"]]
        whose = f"of {user} for {month}"
        self._expect(total == sum(amounts), f"total {total} {whose}, lines of {sum(amounts)}")
        lines, before = self._seen.get((user, month), (0, Decimal(0)))
        self._expect(len(amounts) >= lines, f"{lines} lines {whose}, then {len(amounts)}")
        self._expect(total >= before, f"total {before} {whose}, then {total}")
        self._seen[user, month] = (len(amounts), total)

    def _expect(self, holds: bool, otherwise: str) -> None:
        if not holds and self.wrong is None:
            self.wrong = otherwise


@contextmanager
def reading(services: dict[str, Sequence[Service]], ledger: Ledger) -> Iterator[list[Reader]]:
    """READERS clients read for as long as the block runs. Fails when one saw what it must not see,
    or when none saw anything of one kind."""
    stop = threading.Event()
    readers = [Reader(services, ledger) for _ in range(READERS)]
    threads = [threading.Thread(target=reader.read_until, args=[stop]) for reader in readers]
    for thread in threads:
        thread.start()
    try:
        yield readers
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    wrong = [reader.wrong for reader in readers if reader.wrong]
    assert not wrong, "a reader saw: " + "; ".join(wrong)
    answers, waited = (
        sum(reader.answers for reader in readers),
        sum(reader.waited for reader in readers),
    )
    assert 0 < waited < answers, f"{answers} invoices read, {waited} of them after an event"
