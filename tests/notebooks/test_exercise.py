"""The cell at the end of an exercise: it tells whether the answer is right, and why not."""

import pytest

from cqrs_demo.tooling.workshop import Refused, exercise


def check(answer: object) -> None:
    with exercise("00.0", answer, well="Because it is."):
        assert answer == 2, f"{answer} is not 2"


def test_a_right_answer_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    # When the right answer is checked
    check(2)

    # Then it says so, and why
    assert capsys.readouterr().out == "✔ Right. Because it is.\n"


def test_a_wrong_answer_is_told_why(capsys: pytest.CaptureFixture[str]) -> None:
    # When a wrong answer is checked
    check(3)

    # Then the reason is given, and no exception comes through
    assert capsys.readouterr().out.startswith("✘ Not quite: 3 is not 2\n")


def test_an_answer_of_the_wrong_kind_is_told_what_happened(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # When an answer makes the check itself fail
    with exercise("00.0", None):
        assert len(None) == 2  # type: ignore[arg-type]

    # Then it says how
    assert capsys.readouterr().out.startswith(
        "✘ Not quite: your answer cannot be checked, TypeError: "
    )


def test_a_missing_answer_is_no_wrong_one(capsys: pytest.CaptureFixture[str]) -> None:
    # When the answer is still ...
    check(...)

    # Then it is asked for
    assert capsys.readouterr().out.startswith("✎ Not answered yet.")


def test_a_refusal_met_in_the_check_is_told_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    # When the system refuses what an answer asks for
    with exercise("00.0", "select"):
        raise Refused('syntax error at or near "select"')

    # Then the learner reads what it said, and no name of an exception
    said = capsys.readouterr().out
    assert said == '✘ Not quite: your answer cannot be checked: syntax error at or near "select"\n'


def test_only_a_wrong_answer_is_cleared_away() -> None:
    # Given a check that can put things back
    tried: list[object] = []

    # When it judges a missing, a right and a wrong answer
    for answer in (..., 2, 3):
        with exercise("00.0", answer, again=lambda answer=answer: tried.append(answer)):
            assert answer == 2

    # Then it did so after the wrong one
    assert tried == [3]


def test_who_stops_a_check_stops_it() -> None:
    # When somebody interrupts a check, then it is not taken for an answer
    with pytest.raises(KeyboardInterrupt), exercise("00.0", 1):
        raise KeyboardInterrupt
