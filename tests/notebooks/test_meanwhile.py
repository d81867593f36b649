"""Two people go on while something long is done."""

import pytest

from cqrs_demo.tooling.workshop.meanwhile import meanwhile


def test_the_different_answers_that_were_given_meanwhile_are_returned() -> None:
    # Given a service that changes its answer once somebody has done something
    answers, done = [200], []

    # When that is done meanwhile
    seen = meanwhile(lambda: done.append("work"), asking=lambda: answers[0], besides=lambda: None)

    # Then the answers are known, each once
    assert seen == {200}
    assert done == ["work"]


def test_what_goes_wrong_meanwhile_is_told() -> None:
    def fails() -> None:
        raise LookupError("nobody there")

    with pytest.raises(LookupError, match="nobody there"):
        meanwhile(lambda: None, asking=lambda: 200, besides=fails)
    with pytest.raises(LookupError, match="nobody there"):
        meanwhile(fails, asking=lambda: 200, besides=lambda: None)
