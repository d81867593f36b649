"""A prediction is asked without its answer, and answered once somebody has chosen."""

import pytest

from cqrs_demo.tooling.workshop.predict import Prediction, predict, predictions


@pytest.mark.parametrize("asked", predictions().values(), ids=lambda one: one.name)
def test_a_prediction_offers_choices_of_which_one_comes_true(asked: Prediction) -> None:
    assert len(set(asked.choices)) == len(asked.choices) >= 3
    assert asked.right in asked.lettered
    assert asked.question.endswith((".", "?", ")"))


def test_the_question_gives_nothing_away_in_text() -> None:
    # When a question is shown where nothing can be clicked
    shown = repr(predict("01.1"))

    # Then it has all choices and no verdict
    assert "  a) one\n" in shown
    assert "unique index" not in shown


def test_what_is_chosen_by_its_letter_is_answered() -> None:
    assert "✔ You said: one. So it is." in repr(predict("01.1", "A"))
    assert "✘ You said: eight. It is: one." in repr(predict("01.1", "c"))


@pytest.mark.parametrize("wrong", [("01.9", None), ("01.1", "z"), ("01.1", "")])
def test_what_was_not_asked_or_offered_is_refused(wrong: tuple[str, str | None]) -> None:
    with pytest.raises(ValueError, match=r"there is no prediction|choose one of"):
        predict(*wrong)


def test_on_the_page_every_answer_is_hidden_until_a_click() -> None:
    # Given a question as a page shows it
    page = predict("01.1")._repr_mimebundle_()["text/html"]

    # Then there is a button for each choice, and its answer is there and hidden
    assert page.count("<button") == 3
    assert page.count("hidden>") == 4
