"""Reads what a learner wrote: a number is a number also as text, a choice also with other capitals.
What cannot be read is an AssertionError with the reason, for the check around it (exercise.py)."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from cqrs_demo.client.answer import Answer


def number(answer: Any) -> Decimal:
    """4, 4.0, "4" and Decimal("4.00") are the same answer."""
    wanted = f"a number is wanted, and this is {answer!r}"
    assert isinstance(answer, int | float | Decimal | str), wanted
    assert not isinstance(answer, bool), wanted
    try:
        return Decimal(str(answer))
    except InvalidOperation:
        raise AssertionError(wanted) from None


def chosen(answer: Any, *options: str) -> set[str]:
    """Which of the options were chosen: a set, a list, a tuple, or one text with commas. Capitals
    and spaces around a name make no difference."""
    among = f"choose among {', '.join(options)}"
    given = answer.split(",") if isinstance(answer, str) else answer
    assert isinstance(given, Iterable), f"{among}; this is {answer!r}"
    names = [str(name).strip().casefold() for name in given]
    unknown = [name for name in names if name not in options]
    assert not unknown, f"{unknown[0]!r} is not one of the options: {among}"
    return set(names)


def placed(answer: Any, *, by: Answer, description: str, amount: str, on: str) -> None:
    """Asserts that this is the service's answer to that order."""
    assert isinstance(answer, Answer), f"keep what shop.place_order(…) returns; this is {answer!r}"[
        :200
    ]
    assert answer.ok, f"it was refused: {answer.body['detail']}"
    assert "purchase_dt" in answer.body, "that is not the answer to an order"
    assert answer["user_id"] == by["id"], (
        f"it is an order of user {answer['user_id']}, and one of user {by['id']} is wanted"
    )
    found = {
        "description": answer["description"].strip().casefold(),
        "amount": answer["amount"],
        "day": answer["purchase_dt"][:10],
    }
    wanted = {"description": description.casefold(), "amount": Decimal(amount), "day": on}
    for name, value in wanted.items():
        assert found[name] == value, f"its {name} is {found[name]}, and {value} is wanted"
