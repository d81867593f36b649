"""People and orders made up on the spot, out of the words that `cqrs-demo demo-data` uses."""

from decimal import Decimal
from functools import lru_cache
from secrets import randbits
from typing import Any

from cqrs_demo.tooling.runtime.demo_data import Shop


@lru_cache
def _shop() -> Shop:
    return Shop(seed=0)


def someone() -> tuple[dict[str, Any], dict[str, Any]]:
    """A person and where they live."""
    number = randbits(30)
    person = _shop().user(number)
    mailbox = person["email"].partition("@")[0].rpartition(".")[0]  # first.last, without the number
    return {
        "name": person["name"],
        "email": f"{mailbox}.{randbits(32):08x}@demo.com",
    }, _shop().addresses(number)[0]


def an_order() -> tuple[str, Decimal]:
    """What, and for how much."""
    _, order = _shop().order(randbits(30), users=1)
    return order["description"], order["amount"]
