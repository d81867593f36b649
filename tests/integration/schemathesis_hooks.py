"""What schemathesis cannot know of these services. Loaded by the schemathesis process that
test_schemathesis.py starts."""

from typing import Any

import schemathesis
from hypothesis import strategies as st

# The format "email" of JSON Schema allows far more than a mailbox on the internet; these are what
# the service means by it.
schemathesis.openapi.format(
    "email", st.integers(0, 10**12).map(lambda number: f"mail+{number}@example.com")
)

RIGHT_REFUSALS = {
    '"code":"idempotency-key-reused"': "the key came before, with another body: what is right "
    "depends on earlier requests",
    '"code":"not-projected-yet"': "503 is the contract's answer to after_event while the event is "
    "under way",
    '"code":"still-broken"': "what is wrong with an edited message is for its decoder to say",
    '"code":"content-too-large"': "too many items make too large a body before anybody counts them",
    "say which: ids, reason, event_type": "at least one of several fields: left out of the "
    "schema, where it would say less than the text",
}


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]
) -> None:
    """Keeps the run short: an honest `wait` is waited out, and a step of a paused relay waits for
    what may still come."""
    if _seconds(case.query.get("wait")):
        case.query["wait"] = 0.01
    if case.body == {"mode": "paused"}:
        case.body = {"mode": "running"}


def _seconds(wait: Any) -> bool:
    try:
        return 0 < float(wait) <= 30
    except (TypeError, ValueError):
        return False


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext,
    failure: Any,
    case: schemathesis.Case,
    response: schemathesis.Response,
) -> bool:
    """False for a refusal that is right and that no schema can announce."""
    # 7.0 is an integer to JSON Schema. To us it is a float, and a client that sends floats for ids
    # will lose some.
    whole_float = "Input should be a valid integer" in response.text and _has_float(case.body)
    return not whole_float and not any(mark in response.text for mark in RIGHT_REFUSALS)


def _has_float(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_has_float, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float)
