"""The cell at the end of an exercise: it tells whether the answer is right, and why not."""

import pytest

from cqrs_demo.tooling.workshop import exercise


def check(answer: object) -> None:
    with exercise(answer, well="Because it is."):
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
    with exercise(None):
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


def test_who_stops_a_check_stops_it() -> None:
    # When somebody interrupts a check, then it is not taken for an answer
    with pytest.raises(KeyboardInterrupt), exercise(1):
        raise KeyboardInterrupt
