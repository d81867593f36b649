"""The kinds of input the services accept, each as strict as it must be. (Where a value stands in a
request: http/parameters.py.)"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from email_validator import validate_email
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from cqrs_demo.contract.events import Money


class Input(BaseModel):
    """What somebody sends as a JSON object: unknown fields are refused, so that a misspelt one is
    not silently dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _an_object(cls, body: Any) -> Any:
        """Without this, fields would also be read off whatever has attributes, such as the Decimal
        that 1.5 became."""
        if not isinstance(body, dict):
            raise ValueError("must be a JSON object")
        return body


def money(value: Any) -> Any:
    """An amount as it is written in JSON."""
    if isinstance(value, bool | str):
        raise ValueError("must be a JSON number, such as 50.00")
    # Before Decimal works on a number of a thousand digits.
    if isinstance(value, int) and abs(value) >= 10**12:
        raise ValueError("must have at most 12 digits")
    if isinstance(value, int | Decimal):
        return _with_cents(Decimal(value))
    return value


def _with_cents(amount: Decimal) -> Decimal:
    """The same amount with two decimals, so that 50, 50.0 and 5e1 are one request, and what is kept
    and sent on is short. Unchanged where it has more of them, or more digits than are allowed."""
    if not amount.is_finite() or amount.adjusted() >= 12:
        return amount
    cents = amount.quantize(Decimal("0.01"))
    return cents if cents == amount else amount


_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})",
    re.IGNORECASE,
)


def _date_time(value: Any) -> Any:
    """Pydantic alone would also take "1743674400" for a date."""
    if value is not None and not (isinstance(value, str) and _RFC3339.fullmatch(value)):
        raise ValueError(
            "must be an RFC 3339 date and time with its offset from UTC, such as "
            "2025-04-03T10:00:00Z"
        )
    return value


def _in_utc(moment: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError where no year between 1 and 9999 holds it."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC this instant falls outside the years 1 to 9999") from None


def _address(text: str) -> str:
    """The address as it is kept: domain in small letters, characters composed. Raises ValueError.
    (Pydantic's EmailStr would also take "Bob <bob@demo.com>".)"""
    return validate_email(text, check_deliverability=False).normalized


def _storable(text: str) -> str:
    """The text itself. Raises ValueError for what no PostgreSQL text can hold."""
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError("must not contain half a surrogate pair") from None
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


Amount = Annotated[Money, BeforeValidator(money)]
DateTime = Annotated[AwareDatetime, BeforeValidator(_date_time), AfterValidator(_in_utc)]
Text = Annotated[
    str, AfterValidator(_storable), Field(json_schema_extra={"pattern": r"^[^\u0000]*$"})
]
# What str.strip() takes for blank, one by one: \s means something else in each language that a
# schema is read in.
_BLANKS = r"\t-\r\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
NOT_BLANK = rf"^[^\u0000]*[^\u0000{_BLANKS}][^\u0000]*$"
Words = Annotated[Text, AfterValidator(_not_blank), Field(json_schema_extra={"pattern": NOT_BLANK})]
ShortText = Annotated[Words, Field(min_length=1, max_length=200)]
LongText = Annotated[Words, Field(min_length=1, max_length=2_000)]
Zip = Annotated[Words, Field(min_length=1, max_length=20)]
Email = Annotated[
    str,
    AfterValidator(_storable),
    AfterValidator(_address),
    Field(max_length=254, json_schema_extra={"format": "email"}),
]
