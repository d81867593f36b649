"""JSON without floats and without doubt: an amount is read as the decimal that was written, and
written with the decimals it has.

What parsers disagree about is refused: NaN, a field given twice, anything but UTF-8.
"""

import json
from decimal import Decimal
from typing import Any, NoReturn

from cqrs_demo.contract.json_text import dumps

__all__ = ["dumps", "loads"]


def loads(body: bytes) -> Any:
    """The value. Numbers with a point become Decimal: 100.10000000000000001 is not 100.1. Raises
    json.JSONDecodeError, and nothing else."""
    try:
        return _decoder.decode(body.decode())
    except json.JSONDecodeError:
        raise
    except RecursionError:
        _refuse("it is nested too deeply")
    except UnicodeDecodeError as error:
        _refuse(f"byte {error.start} is not UTF-8")
    except (ValueError, ArithmeticError):  # an integer of 5,000 digits, an exponent of twenty
        _refuse("it has a number too long to read")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        _refuse("a field is given twice")
    return fields


def _no_number(word: str) -> NoReturn:
    _refuse(f"{word} is no number")


def _refuse(why: str) -> NoReturn:
    raise json.JSONDecodeError(why, "", 0) from None


_decoder = json.JSONDecoder(
    parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_object
)  # made once: it costs more than its use
