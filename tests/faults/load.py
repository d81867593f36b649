"""Clients that place orders all the time, and the ledger of what they were promised.

Each command carries an Idempotency-Key and is repeated until it is answered 201: so what the ledger
holds is exactly what must be in the read model, and a command that was carried out twice shows as
an order that no client knows of.
"""

import http.client
import itertools
import json
import random
import select
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from tests.faults.processes import Service

MONTHS = ("2025-04", "2025-05", "2025-12")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Order:
    user_id: int
    description: str
    amount: Decimal
    purchase_dt: str

    @property
    def month(self) -> str:
        return self.purchase_dt[:7]


@dataclass
class Ledger:
    """Every command answered 201, by the id in the answer."""

    users: dict[int, str] = field(default_factory=dict)
    addresses: dict[int, str] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    answered: Counter[Any] = field(default_factory=Counter)
    tries: Counter[int] = field(default_factory=Counter)
    """How many commands took how many tries."""
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def note(self, status: Any) -> None:
        with self._guard:
            self.answered[status] += 1

    def took(self, tries: int) -> None:
        with self._guard:
            self.tries[tries] += 1


class Client:
    """One keep-alive connection per copy of a service; a retry goes to the next copy."""

    def __init__(self, services: dict[str, Sequence[Service]], ledger: Ledger) -> None:
        self._services, self.ledger = services, ledger
        self._turns = itertools.count(random.randrange(100))
        self._lines: dict[str, http.client.HTTPConnection] = {}

    def command(
        self, service: str, path: str, body: dict[str, Any], *, give_up: float = 90
    ) -> dict[str, Any]:
        """The answer to the command, which is repeated with its key until it is carried out. Fails
        after `give_up` seconds."""
        key, deadline = str(uuid4()), time.monotonic() + give_up
        for tries in itertools.count(1):
            status, answer = self.attempt(service, path, body, key)
            self.ledger.note(status)
            if status == 201:
                self.ledger.took(tries)
                assert isinstance(answer, dict)
                return answer
            assert status is None or status >= 500, f"{path} {body} was refused: {status} {answer}"
            assert time.monotonic() < deadline, (
                f"{path} not carried out within {give_up} s; last answer {status} {answer}"
            )
            time.sleep(0.1)
        raise AssertionError

    def attempt(
        self, service: str, path: str, body: dict[str, Any], key: str
    ) -> tuple[int | None, Any]:
        """Status and answer of one try; None when the connection broke."""
        copies = self._services[service]
        url = urlsplit(copies[next(self._turns) % len(copies)].url)
        line = self._lines.setdefault(
            url.netloc, http.client.HTTPConnection(url.netloc, timeout=20)
        )
        if line.sock is not None and select.select([line.sock], [], [], 0)[0]:
            # the service has closed it while it was idle: any client's pool looks for that before
            # it uses one
            line.close()
        try:
            headers = {"Content-Type": "application/json", "Idempotency-Key": key}
            line.request("POST", url.path + path, json.dumps(body), headers)
            answer = line.getresponse()
            return answer.status, json.loads(answer.read(), parse_float=Decimal)
        except (OSError, http.client.HTTPException, ValueError) as error:
            line.close()
            return None, repr(error)

    def close(self) -> None:
        for line in self._lines.values():
            line.close()

    def user(self) -> int:
        email = f"user-{next(_numbers)}-{uuid4().hex[:6]}@demo.com"
        answer = self.command("user-service", "/users", {"name": "A. User", "email": email})
        self.ledger.users[answer["id"]] = email
        return int(answer["id"])

    def account(self, user_id: int) -> None:
        street = f"{next(_numbers)} Main St"
        body = {
            "user_id": user_id,
            "address1": street,
            "city": "Cityville",
            "state": "ST",
            "zip": "12345",
        }
        answer = self.command("user-service", "/accounts", body)
        self.ledger.addresses[answer["user_id"]] = f"{street}, Cityville, ST 12345"

    def order(self, user_id: int, **how: Any) -> int:
        number = next(_numbers)
        order = Order(
            user_id,
            f"order no. {number}",
            Decimal(number % 9000 + 1) / 100,
            f"{random.choice(MONTHS)}-03T10:00:00Z",
        )
        body = {
            "user_id": user_id,
            "description": order.description,
            "amount": float(order.amount),
            "purchase_dt": order.purchase_dt,
        }
        answer = self.command("order-service", "/orders", body, **how)
        assert answer["amount"] == order.amount
        self.ledger.orders[answer["id"]] = order
        return int(answer["id"])


@contextmanager
def load(
    services: dict[str, Sequence[Service]],
    ledger: Ledger,
    users: Sequence[int],
    *,
    rate: float,
    clients: int = 6,
) -> Iterator[None]:
    """About `rate` orders a second, and now and then a new user with an address, while the block
    runs. Each client places its orders one after another, for users of its own. At the end of the
    block every command under way is answered."""
    stop, errors = threading.Event(), list[BaseException]()

    def shop(mine: list[int]) -> None:
        client, due = Client(services, ledger), time.monotonic()
        try:
            while not stop.is_set():
                if not mine or random.random() < 0.03:
                    mine.append(client.user())
                    client.account(mine[-1])
                client.order(random.choice(mine))
                due = max(due + clients / rate, time.monotonic() - 1)
                stop.wait(max(0.0, due - time.monotonic()))
        except BaseException as error:
            errors.append(error)
        finally:
            client.close()

    threads = [
        threading.Thread(target=shop, args=[list(users[place::clients])])
        for place in range(clients)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not errors, errors[0]
