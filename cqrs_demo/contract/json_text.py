"""JSON as it is written everywhere here, in events and in answers: no float, instants in UTC."""

from decimal import Decimal
from typing import Any

import orjson


def dumps(value: Any) -> bytes:
    """JSON text: Decimal as a number with its own decimals (50.00), aware datetimes in UTC with a
    Z."""
    return orjson.dumps(value, default=_number, option=orjson.OPT_UTC_Z)


def _number(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} has no place in JSON")
