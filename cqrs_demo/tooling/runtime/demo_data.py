"""A shop with half a year of business in it, made through the HTTP API like any client would.

Everything follows from the seed: names, dates, amounts and Idempotency-Keys. So the same call a
second time is answered with what the first one made, and adds nothing. What the names are made of
stands in demo_data.json.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from random import Random
from typing import Any
from unicodedata import normalize

import httpx
import orjson

from cqrs_demo.tooling.runtime.system import RunningSystem, SystemProblem

AT_ONCE = 16  # requests under way: enough to keep two cores busy
FIRST_DAY, DAYS = (
    datetime(2025, 1, 1, tzinfo=UTC),
    181,
)  # to the end of June; not "the last months", or the same key would get another body

Body = dict[str, Any]
Job = Callable[[], Awaitable[None]]


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


class Shop:
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
            "amount": orjson.Fragment(str(Decimal(price) * pieces)),
            "purchase_dt": bought.isoformat(),
        }


async def fill(
    system: RunningSystem, users: int, orders: int, seed: int, done: Callable[[], None]
) -> Made:
    """Make `users` users with their accounts, then `orders` orders; calls `done` after each user
    and each order. Raises SystemProblem when a service refuses something or does not answer."""
    shop, made, ids = Shop(seed), Made(), dict[int, int]()
    async with httpx.AsyncClient(
        headers=system.headers, transport=httpx.AsyncHTTPTransport(retries=3), timeout=30
    ) as client:
        post = _Poster(client, system, made)

        async def one_user(number: int) -> None:
            user, _ = await post(
                "user", "user-service", "users", shop.key("user", number), shop.user(number)
            )
            for place, address in enumerate(
                shop.addresses(number)
            ):  # in turn: the newest is where the goods go
                body = {"user_id": user["id"], **address}
                await post(
                    "account", "user-service", "accounts", shop.key("account", number, place), body
                )
            ids[number] = user["id"]
            done()

        async def one_order(number: int) -> None:
            buyer, body = shop.order(number, users)
            order, event = await post(
                "order",
                "order-service",
                "orders",
                shop.key("order", number, buyer),
                {"user_id": ids[buyer], **body},
            )
            bought = datetime.fromisoformat(order["purchase_dt"])
            invoice = (ids[buyer], bought.year, bought.month)
            made.per_invoice[invoice] += 1
            made.last_event[invoice] = event
            done()

        await _in_parallel(one_user, range(users))
        await _in_parallel(one_order, range(orders if users else 0))
        made.example = await _largest_invoice(client, system, made)
    return made


@dataclass
class _Poster:
    client: httpx.AsyncClient
    system: RunningSystem
    made: Made

    async def __call__(
        self, kind: str, service: str, path: str, key: str, body: Body
    ) -> tuple[Body, str]:
        """The row made (now or before) and the id of its event."""
        url = f"{self.system.url(service)}/{path}"
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        try:
            answer = await self.client.post(url, content=orjson.dumps(body), headers=headers)
        except httpx.TransportError as error:
            raise SystemProblem(
                f"{url} does not answer ({error!r}). Run this again: what was made is not made "
                "twice"
            ) from error
        if answer.status_code != 201:
            raise SystemProblem(f"{url} answered {answer.status_code}: {answer.text}")
        (self.made.known if "Idempotent-Replayed" in answer.headers else self.made.new)[kind] += 1
        return answer.json(), answer.headers["X-Event-Id"]


async def _in_parallel(job: Callable[[int], Awaitable[None]], numbers: Iterable[int]) -> None:
    waiting = iter(numbers)

    async def worker() -> None:
        for number in waiting:
            await job(number)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


async def _largest_invoice(
    client: httpx.AsyncClient, system: RunningSystem, made: Made
) -> Body | None:
    if not made.per_invoice:
        return None
    (user, year, month), _ = invoice = made.per_invoice.most_common(1)[0]
    question: dict[str, Any] = {
        "user_id": user,
        "year": year,
        "month": month,
        "after_event": made.last_event[invoice[0]],
        "wait": 10,
    }
    answer = await client.get(f"{system.url('invoice-service')}/invoices", params=question)
    found: Body = answer.json()
    return found if answer.status_code == 200 else None
