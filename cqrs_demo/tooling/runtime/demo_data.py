"""A shop with half a year of business in it, made through the HTTP API like any client would.

Everything follows from the seed: names, dates, amounts and Idempotency-Keys. So the same call a
second time is answered with what the first one made, and adds nothing. What the names are made of
stands in demo_data.json.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from random import Random
from threading import Event, Lock
from typing import Any
from unicodedata import normalize

import orjson

from cqrs_demo.client.answer import Answer
from cqrs_demo.client.client import Client
from cqrs_demo.client.errors import NoAnswer
from cqrs_demo.client.place import Place
from cqrs_demo.tooling.runtime.system import SystemProblem

AT_ONCE = 16  # requests under way: enough to keep two cores busy
FIRST_DAY, DAYS = (
    datetime(2025, 1, 1, tzinfo=UTC),
    181,
)  # to the end of June; not "the last months", or the same key would get another body

Body = dict[str, Any]


@dataclass
class Made:
    """What is in the shop after a run. `new` and `known` count by kind; known ones were made by an
    earlier run."""

    new: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    per_invoice: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    """Orders by user id, year and month."""
    last_event: dict[tuple[int, int, int], str] = field(default_factory=dict)
    example: Body | None = None
    """The invoice with the most orders; None when the read model did not have it within ten seconds
    (is its consumer paused?)."""


class SeededShop:
    """One seed's worth of people and purchases."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._words: dict[str, Any] = orjson.loads(
            files("cqrs_demo.tooling.runtime").joinpath("demo_data.json").read_bytes()
        )

    def key(self, *what: object) -> str:
        return "/".join(map(str, ("demo-data", self._seed, *what)))

    def _dice(self, *what: object) -> Random:
        """The same for the same thing in every run, however many things there are."""
        return Random(self.key(*what))  # noqa: S311  # nothing secret depends on it

    def user(self, number: int) -> Body:
        dice = self._dice("user", number)
        first, last = (
            dice.choice(self._words["first_names"]),
            dice.choice(self._words["last_names"]),
        )
        plain = normalize("NFKD", f"{first}.{last}").encode("ascii", "ignore").decode().lower()
        return {"name": f"{first} {last}", "email": f"{plain}.{self._seed}-{number}@demo.com"}

    def addresses(self, number: int) -> list[Body]:
        """One; every tenth user has moved since."""
        dice = self._dice("address", number)
        return [self._address(dice) for _ in range(2 if number % 10 == 9 else 1)]

    def _address(self, dice: Random) -> Body:
        city, state, district = dice.choice(self._words["cities"])
        street = f"{dice.randint(1, 999)} {dice.choice(self._words['streets'])}"
        return {
            "address1": street,
            "city": city,
            "state": state,
            "zip": f"{district}{dice.randint(0, 99):02}",
        }

    def order(self, number: int, users: int) -> tuple[int, Body]:
        """The number of the user who placed it, and the order. A few users buy much, many buy
        little."""
        dice = self._dice("order", number)
        buyer = int(users * dice.random() ** 2)
        description, price = dice.choice(self._words["products"])
        pieces = dice.choices((1, 2, 3), weights=(8, 2, 1))[0]
        bought = FIRST_DAY + timedelta(
            days=dice.randrange(DAYS), hours=dice.randint(7, 22), minutes=dice.randrange(60)
        )
        return buyer, {
            "description": description if pieces == 1 else f"{pieces} × {description}",
            "amount": Decimal(price) * pieces,
            "purchase_dt": bought.isoformat(),
        }


class _Filling:
    """One run: many commands at once, counted one after another."""

    def __init__(
        self, client: Client, shop: SeededShop, users: int, done: Callable[[], None]
    ) -> None:
        self._client, self._shop, self._users, self._done = client, shop, users, done
        self._ids: dict[int, int] = {}
        self._turn = Lock()
        self.made = Made()

    def user(self, number: int) -> None:
        """With the accounts, one after another: the newest is where the goods go."""
        key = self._shop.key("user", number)
        user = self._command("user", self._client.create_user, self._shop.user(number), key)
        for place, address in enumerate(self._shop.addresses(number)):
            body, key = {"user_id": user["id"], **address}, self._shop.key("account", number, place)
            self._command("account", self._client.create_account, body, key)
        with self._turn:
            self._ids[number] = user["id"]
            self._done()

    def order(self, number: int) -> None:
        buyer, body = self._shop.order(number, self._users)
        key, user = self._shop.key("order", number, buyer), self._ids[buyer]
        order = self._command("order", self._client.place_order, {"user_id": user, **body}, key)
        bought = datetime.fromisoformat(order["purchase_dt"])
        invoice = (user, bought.year, bought.month)
        with self._turn:
            self.made.per_invoice[invoice] += 1
            self.made.last_event[invoice] = order.event_id
            self._done()

    def _command(self, kind: str, send: Callable[..., Answer], body: Body, key: str) -> Answer:
        """What was answered: the row that was made, now or before."""
        try:
            answer = send(**body, idempotency_key=key).checked()
        except NoAnswer as error:
            raise SystemProblem(
                f"{error}. Run this again: what was made is not made twice"
            ) from error
        with self._turn:
            known = "Idempotent-Replayed" in answer.headers
            (self.made.known if known else self.made.new)[kind] += 1
        return answer

    def find_example(self) -> None:
        """The invoice with the most orders, once its last one is projected."""
        if not self.made.per_invoice:
            return
        invoice, _ = self.made.per_invoice.most_common(1)[0]
        event = self.made.last_event[invoice]
        answer = self._client.invoice(*invoice, after_event=event, wait=10)
        self.made.example = answer.body if answer.ok else None


def fill(place: Place, users: int, orders: int, seed: int, done: Callable[[], None]) -> Made:
    """Make `users` users with their accounts, then `orders` orders; calls `done` after each user
    and each order. Raises Refused, and SystemProblem when a service does not answer."""
    with Client(place, connect_again=3) as client:
        filling = _Filling(client, SeededShop(seed), users, done)
        _in_parallel(filling.user, range(users))
        _in_parallel(filling.order, range(orders if users else 0))
        filling.find_example()
    return filling.made


def _in_parallel(job: Callable[[int], None], numbers: Iterable[int]) -> None:
    """The first exception, or Ctrl-C, ends it: what is under way is finished, nothing more is
    begun."""
    waiting, turn, over = iter(numbers), Lock(), Event()

    def work() -> None:
        while not over.is_set():
            with turn:
                number = next(waiting, None)
            if number is None:
                return
            try:
                job(number)
            except BaseException:
                over.set()
                raise

    with ThreadPoolExecutor(AT_ONCE) as pool:
        workers = [pool.submit(work) for _ in range(AT_ONCE)]
        try:
            for worker in workers:
                worker.result()
        finally:
            over.set()
