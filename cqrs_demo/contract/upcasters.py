"""Upcasters: what an event of an older version says in the words of the next.

Each is a pure function from the data of version n to that of n + 1. reading.py applies them where
an event is decoded, and nobody else does, so the rest of the code knows one version of each type.
The log is never touched. Values are as JSON has them: an instant is a text, an amount a Decimal.

`cqrs-demo contract check` fails while a step is missing.
"""

from collections.abc import Callable
from typing import Any

Data = dict[str, Any]


def order_created_2(data: Data) -> Data:
    """Version 2 says whether an order is approved or pending; before there were pending ones, every
    order was approved. (The first events of version 2 did not tell their version, and say it.)"""
    return {"status": "approved", **data}


UPCASTERS: dict[tuple[str, int], Callable[[Data], Data]] = {
    ("order.created", 1): order_created_2,
}
"""By the type, and the version from which the step is taken."""
