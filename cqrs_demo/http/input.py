"""The kinds of input the services accept, each as strict as it must be."""

from decimal import Decimal
from typing import Annotated, Any

from fastapi import Header, Path, Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, EmailStr, Field

from cqrs_demo.contract.events import Instant, Money, Text


class Command(BaseModel):
    """A command's body: unknown fields are refused, so that a misspelt one is not silently dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _number(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError("must be a JSON number, such as 50.00")
    if isinstance(value, int) and abs(value) >= 10**12:
        raise ValueError("must have at most 12 digits")  # before Decimal prints a number of a thousand digits
    return value


def _date_time(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be an RFC 3339 date and time, such as 2025-04-03T10:00:00Z")
    return value


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


Amount = Annotated[Money, BeforeValidator(_number, json_schema_input_type=Decimal)]
DateTime = Annotated[Instant, BeforeValidator(_date_time)]
Words = Annotated[Text, AfterValidator(_not_blank)]
ShortText = Annotated[Words, Field(min_length=1, max_length=200)]
LongText = Annotated[Words, Field(min_length=1, max_length=2_000)]
Zip = Annotated[Words, Field(min_length=1, max_length=20)]
Email = Annotated[EmailStr, Field(max_length=254)]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Send the same key with a retry: one row is made, and the first answer given again.",
    ),
]

PathId = Annotated[int, Path(ge=1, le=2**63 - 1)]
After = Annotated[int, Query(ge=0, le=2**63 - 1, description="Position in the log after which to read.")]
FeedLimit = Annotated[int, Query(ge=1, le=10_000, description="Events at the most.")]
UserIdQuery = Annotated[int, Query(ge=1, le=2**63 - 1)]
Month = Annotated[int, Query(ge=1, le=12)]
Year = Annotated[int, Query(ge=1, le=9999)]
Wait = Annotated[float, Query(ge=0, le=30, description="Seconds to wait for after_event.")]
Before = Annotated[Instant | None, Query(description="Only months before this instant: the last page's last invoice_dt.")]
