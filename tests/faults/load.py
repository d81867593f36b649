"""Clients that place orders all the time, and the ledger of what they were promised.

Each command carries an Idempotency-Key and is repeated until it is answered 201: so what the ledger
holds is exactly what must be in the read model, and a command that was carried out twice shows as
an order that no client knows of.

Orders are due at even intervals, whatever became of those before, and what an outage held up is
caught up afterwards: so the asked rate is reached when the system can serve it. (Measured: 12
clients send 1,000 orders/s with a third of a core.)
"""

import http.client
import itertools
import json
import math
import random
import select
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from tests.faults.processes import Service

MONTHS = ("2025-04", "2025-05", "2025-12")
# seconds' worth of orders that are caught up after an outage; without a bound the load would end up
# as one burst
ARREARS = 5.0
CANCELLED = 0.4  # cancels per order, where orders are cancelled at all
NEWCOMERS = 0.03  # new users per order
ANSWER_WITHIN = 20.0  # seconds until a client gives a try up
# seconds until it does so when there is another copy to ask: one that is frozen is not waited for
ASK_ANOTHER_AFTER = 4.0
AVOIDED = 2.0  # seconds in which a client prefers the other copies to one that failed it
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
    moments: list[float] = field(default_factory=list)
    """When each order was answered 201, by time.monotonic()."""
    newest: deque[tuple[Order, str]] = field(default_factory=lambda: deque(maxlen=50))
    """The last orders, each with the id of its event."""
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
    """One keep-alive connection per copy of a service, in turns; a retry goes to the next copy."""

    def __init__(self, services: dict[str, Sequence[Service]], ledger: Ledger) -> None:
        self._services, self.ledger = services, ledger
        self._turns = itertools.count(random.randrange(100))
        self._lines: dict[str, http.client.HTTPConnection] = {}
        self._avoided: dict[int, float] = {}
        self.event_id = ""
        """Of the event that the last answer told of."""

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
        copy = self._next_copy(service)
        url = urlsplit(copy.url)
        line = self._lines.setdefault(url.netloc, http.client.HTTPConnection(url.netloc))
        if line.sock is not None and select.select([line.sock], [], [], 0)[0]:
            # the service has closed it while it was idle: any client's pool looks for that before
            # it uses one
            line.close()
        try:
            if line.sock is None:
                line.timeout = (
                    ASK_ANOTHER_AFTER if len(self._services[service]) > 1 else ANSWER_WITHIN
                )
            headers = {"Content-Type": "application/json", "Idempotency-Key": key}
            line.request("POST", url.path + path, json.dumps(body), headers)
            answer = line.getresponse()
            self.event_id = answer.headers.get("X-Event-Id", "")
            return answer.status, json.loads(answer.read(), parse_float=Decimal)
        except (OSError, http.client.HTTPException, ValueError) as error:
            line.close()
            self._avoided[copy.port] = time.monotonic() + AVOIDED
            return None, repr(error)

    def _next_copy(self, service: str) -> Service:
        """In turns. But a copy that is frozen would hold up every client at every second turn, for
        as long as they wait for it."""
        copies, now = self._services[service], time.monotonic()
        well = [copy for copy in copies if self._avoided.get(copy.port, 0) <= now]
        if not well:  # the one whose failure is the longest ago
            return min(copies, key=lambda copy: self._avoided.get(copy.port, 0))
        return well[next(self._turns) % len(well)]

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

    def order(self, user_id: int, *, large: bool = False, **how: Any) -> int:
        """A large one needs credit."""
        number = next(_numbers)
        order = Order(
            user_id,
            f"order no. {number}",
            Decimal(number % 9000 + 1) / 100 + (1_000 if large else 0),
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
        self.ledger.moments.append(time.monotonic())
        self.ledger.newest.append((order, self.event_id))
        return int(answer["id"])

    def cancel(self, order_id: int) -> bool:
        """Whether it is cancelled; not when it waits for its credit, or was rejected."""
        path, key = f"/orders/{order_id}/cancel", str(uuid4())
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            status, answer = self.attempt("order-service", path, {"reason": "too many"}, key)
            if status in (200, 409):
                return status == 200
            assert status is None or status >= 500, f"{path} was refused: {status} {answer}"
            time.sleep(0.1)
        raise AssertionError(f"{path} not answered")


class Arrivals:
    """When the next order is due: `rate` a second from now on, for all clients together."""

    def __init__(self, rate: float) -> None:
        self._step, self._next = 1 / rate, time.monotonic()
        self._guard = threading.Lock()
        self.dropped = 0
        """Orders that nobody placed, because more than ARREARS seconds of them were outstanding."""

    def take(self) -> float:
        with self._guard:
            late = math.ceil((time.monotonic() - ARREARS - self._next) / self._step)
            if late > 0:
                self.dropped += late
                self._next += late * self._step
            due = self._next
            self._next += self._step
        return due


@contextmanager
def load(
    services: dict[str, Sequence[Service]],
    ledger: Ledger,
    users: Sequence[int],
    *,
    rate: float,
    clients: int = 6,
    large: float = 0,
) -> Iterator[Arrivals]:
    """`rate` orders a second, and now and then a new user with an address, while the block runs.
    The share `large` of them needs credit; then some orders, small or large, are cancelled, too.
    Each client places its orders one after another, for users of its own. At the end of the block
    every command under way is answered."""
    arrivals, newcomers = Arrivals(rate), Arrivals(rate * NEWCOMERS)
    stop, errors = threading.Event(), list[BaseException]()
    customers = [list(users[place::clients]) for place in range(clients)]

    def due(next_one: Arrivals) -> bool:
        return not stop.wait(max(0.0, next_one.take() - time.monotonic()))

    def shop(client: Client, mine: list[int]) -> None:
        if not mine:
            mine.append(client.user())
            client.account(mine[-1])
        placed = deque[int](maxlen=20)
        placed.append(client.order(random.choice(mine)))
        while due(arrivals):
            order = client.order(random.choice(mine), large=random.random() < large)
            if large and random.random() < CANCELLED:
                client.cancel(order if random.random() < 0.5 else random.choice(placed))
            placed.append(order)

    def arrive(client: Client) -> None:
        # A client of its own: without user-service nobody new can come, and those who are there go
        # on ordering.
        while due(newcomers):
            newcomer = client.user()
            client.account(newcomer)
            random.choice(customers).append(newcomer)

    def run(work: Callable[..., None], *arguments: Any) -> None:
        client = Client(services, ledger)
        try:
            work(client, *arguments)
        except BaseException as error:
            errors.append(error)
        finally:
            client.close()

    threads = [threading.Thread(target=run, args=[shop, mine]) for mine in customers]
    threads.append(threading.Thread(target=run, args=[arrive]))
    for thread in threads:
        thread.start()
    try:
        yield arrivals
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not errors, errors[0]
