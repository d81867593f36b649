"""People and orders made up on the spot, out of the words that `cqrs-demo demo-data` uses."""

from decimal import Decimal
from functools import lru_cache
from secrets import randbits
from typing import Any

from cqrs_demo.tooling.runtime.demo_data import SeededShop


@lru_cache
def _shop() -> SeededShop:
    return SeededShop(seed=0)


def someone(number: int | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """A person and where they live: the same for the same number."""
    number = randbits(30) if number is None else number
    person = _shop().user(number)
    mailbox = person["email"].partition("@")[0].rpartition(".")[0]  # first.last, without the number
    return {
        "name": person["name"],
        "email": f"{mailbox}.{number:08x}@demo.com",
    }, _shop().addresses(number)[0]


def an_order(number: int | None = None) -> tuple[str, Decimal]:
    """What, and for how much: the same for the same number."""
    _, order = _shop().order(randbits(30) if number is None else number, users=1)
    return order["description"], order["amount"]
