"""Answers are read as they are meant, and refused with a reason."""

from decimal import Decimal
from typing import Any

import pytest

from cqrs_demo.client.answer import Answer
from cqrs_demo.tooling.workshop.answers import chosen, number, placed

ALICE = Answer(201, {"id": 1, "name": "Alice"})
GADGET = {
    "id": 7,
    "user_id": 1,
    "description": "Gadget",
    "amount": Decimal("12.50"),
    "purchase_dt": "2025-04-20T10:00:00Z",
}


@pytest.mark.parametrize("answer", [4, 4.0, "4", " 4 ", Decimal("4.00")])
def test_a_number_is_a_number_however_it_is_written(answer: Any) -> None:
    assert number(answer) == 4


@pytest.mark.parametrize("answer", [None, True, "four", [4], {"a": 4}])
def test_what_is_no_number_is_refused_with_a_reason(answer: Any) -> None:
    with pytest.raises(AssertionError, match="a number is wanted"):
        number(answer)


@pytest.mark.parametrize("answer", [{"a", "b"}, ["b", "a"], ("a", "b", "a"), "a, b", "A ,b"])
def test_a_choice_is_the_same_in_every_form(answer: Any) -> None:
    assert chosen(answer, "a", "b", "c") == {"a", "b"}


@pytest.mark.parametrize("answer", [{"a", "d"}, "ab", None, 3, ""])
def test_what_was_not_offered_cannot_be_chosen(answer: Any) -> None:
    with pytest.raises(AssertionError, match="choose among a, b, c"):
        chosen(answer, "a", "b", "c")


def test_an_order_as_it_was_asked_for_is_right() -> None:
    placed(Answer(201, GADGET), by=ALICE, description="Gadget", amount="12.5", on="2025-04-20")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "keep what shop.place_order"),
        (Answer(422, {"detail": "amount: too small"}), "it was refused: amount: too small"),
        (ALICE, "not the answer to an order"),
        (Answer(201, GADGET | {"user_id": 2}), "order of user 2, and one of user 1"),
        (Answer(201, GADGET | {"description": "Gidget"}), "description is gidget"),
        (Answer(201, GADGET | {"amount": Decimal("12.05")}), "amount is 12.05, and 12.50"),
        (Answer(201, GADGET | {"purchase_dt": "2025-05-20T10:00:00Z"}), "day is 2025-05-20"),
    ],
)
def test_another_order_is_refused_with_the_field_that_differs(answer: Any, reason: str) -> None:
    with pytest.raises(AssertionError, match=reason):
        placed(answer, by=ALICE, description="Gadget", amount="12.50", on="2025-04-20")
