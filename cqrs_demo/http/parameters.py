"""What the services take from path, query and headers."""

from typing import Annotated, Any

from fastapi import Header, Path, Query
from pydantic import BeforeValidator, Field

from cqrs_demo.contract.trace import valid_traceparent
from cqrs_demo.input import DateTime


def _digits(value: Any) -> Any:
    """Pydantic alone would also take "1.0" and "1_0" in a URL."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("must be a whole number in digits, such as 12")
    return value


IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Send the same key with a retry: one row is made, and the first answer given "
        "again.",
    ),
]

TraceParent = Annotated[
    str | None,
    BeforeValidator(valid_traceparent),
    Header(
        description="W3C trace context. What follows from the command carries it on; one that is "
        "none is left out."
    ),
]

# The bounds stand inside: FastAPI would put those of Query behind the validator, where OpenAPI does
# not see them.
DIGITS = BeforeValidator(_digits)

PathId = Annotated[int, Field(ge=1, lt=2**63), DIGITS, Path()]
After = Annotated[
    int,
    Field(ge=0, lt=2**63),
    DIGITS,
    Query(description="Position in the log after which to read."),
]
FeedLimit = Annotated[int, Field(ge=1, lt=2**63), DIGITS]
UserId = Annotated[int, Field(ge=1, lt=2**63), DIGITS]
Month = Annotated[int, Field(ge=1, le=12), DIGITS]
Year = Annotated[int, Field(ge=1, le=9999), DIGITS]
Rows = Annotated[int, Field(ge=1, le=500), DIGITS, Query(description="Rows at the most.")]
PageLimit = Annotated[int, Field(ge=1, le=100), DIGITS, Query(description="Invoices at the most.")]
Wait = Annotated[float, Field(ge=0, le=30, description="Seconds to wait for after_event.")]
Before = Annotated[
    DateTime | None,
    Query(description="Only months before this instant: the last page's last invoice_dt."),
]
