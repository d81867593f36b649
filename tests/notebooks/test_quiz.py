"""A quiz is asked without its answers, and answered once somebody has chosen."""

import json
from pathlib import Path

import pytest

from cqrs_demo.tooling.workshop.choices import Question
from cqrs_demo.tooling.workshop.quiz import quiz, quizzes

QUESTIONS = [question for asked in quizzes().values() for question in asked]


@pytest.mark.parametrize("asked", QUESTIONS, ids=lambda one: one.name)
def test_a_question_offers_choices_of_which_one_is_true(asked: Question) -> None:
    assert len(set(asked.choices)) == len(asked.choices) == 3
    assert asked.right in asked.lettered
    assert asked.question.endswith("?")
    assert asked.because.endswith(".")


@pytest.mark.parametrize("chapter", quizzes())
def test_a_quiz_takes_a_minute_and_its_answers_stand_in_no_pattern(chapter: str) -> None:
    # Three questions, and no two of them have the same letter
    assert [question.name for question in quizzes()[chapter]] == [
        f"{chapter}.{place}" for place in range(1, 4)
    ]
    assert {question.right for question in quizzes()[chapter]} == {"a", "b", "c"}


def test_the_questions_give_nothing_away_in_text() -> None:
    shown = repr(quiz("03"))
    assert "  b) in the log and in a queue\n" in shown
    assert "The log's row stays" not in shown


def test_what_is_chosen_by_its_letters_is_answered_and_counted() -> None:
    shown = repr(quiz("03", "B a, b"))
    assert "✔ You said: in the log and in a queue. So it is." in shown
    assert "✘ You said: the consumer puts the order back" in shown
    assert shown.endswith("2 of 3.")


@pytest.mark.parametrize("wrong", [("99", ""), ("03", "ab"), ("03", "abcd"), ("03", "abz")])
def test_what_was_not_asked_or_offered_is_refused(wrong: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"there is no quiz|letters are wanted|choose one of"):
        quiz(*wrong)


def test_the_best_result_of_a_quiz_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a folder with notebooks
    (tmp_path / "00_start_here.ipynb").touch()
    monkeypatch.chdir(tmp_path)

    # When a quiz is answered well, and then less well
    quiz("03", "bac")
    quiz("03", "bab")

    # Then the better one counts
    assert json.loads((tmp_path / "progress.json").read_text())["quizzes"] == {"03": 3}
