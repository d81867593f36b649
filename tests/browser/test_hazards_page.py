"""The page that shows hazards: what it says before, after, and when nothing could be shown."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cqrs_demo.exact_json import dumps
from cqrs_demo.tooling.hazards.catalog import HAZARDS, hazard_named
from cqrs_demo.tooling.hazards.oracle import Row, Tally
from cqrs_demo.tooling.hazards.report import as_json
from cqrs_demo.tooling.hazards.show import Shown
from tests.browser.conftest import eventually, forget, words_of

# isort: split
from hazards.showing import (
    hazards,  # of the dashboard, whose folder conftest.py has put on the path
)

Open = Callable[[str], AppTest]

NONE, ALL = Tally(0, Decimal("0.00")), Tally(3, Decimal("150.00"))


@pytest.fixture(autouse=True)
def _without_a_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The page needs none: it starts its own."""
    monkeypatch.setenv("CQRS_DATA_DIR", str(tmp_path))
    forget()


def result(naive_lost: Tally) -> object:
    """What `hazard show dual-write --json` prints."""

    def row(shop: str, lost: Tally) -> Row:
        return Row(shop, ALL, ALL, lost, NONE, NONE, None)

    hazard = hazard_named("dual-write")
    shown = Shown(hazard, 7, "pgmq", 3.0, row("ours", NONE), row("naive", naive_lost))
    return json.loads(dumps(as_json(shown)), parse_float=Decimal)


def test_each_hazard_has_a_button(open_page: Open) -> None:
    labels = {button.label for button in open_page("hazards").button}
    assert {hazard.title for hazard in HAZARDS} <= labels


def test_the_two_lines_of_code_stand_beside_each_other_before_anything_is_shown(
    open_page: Open,
) -> None:
    said = words_of(open_page("hazards"))
    assert HAZARDS[0].naive_line.code in said
    assert HAZARDS[0].our_line.code in said
    assert "Not shown yet" in said


def test_what_the_naive_shop_lost_is_shown_in_money_and_what_nobody_looked_for_is_not(
    open_page: Open,
) -> None:
    # Given an outcome
    hazards().results["dual-write"] = result(Tally(1, Decimal("20.69")))  # type: ignore[assignment]
    # When the page is opened
    said = words_of(open_page("hazards"))
    # Then
    assert "$20.69" in said
    assert "not seen after the 201" not in said
    assert "cqrs-demo hazard show dual-write --seed 7 --broker pgmq" in said


def test_an_outcome_that_proves_nothing_is_called_so(open_page: Open) -> None:
    hazards().results["dual-write"] = result(NONE)  # type: ignore[assignment]
    assert "the naive shop shows nothing" in words_of(open_page("hazards"))


def test_what_went_wrong_is_shown_as_it_was_said(open_page: Open) -> None:
    # Given a hazard that cannot be shown, since there is no such broker
    hazards().start(HAZARDS[0], "carrier-pigeon", 1)
    eventually(lambda: hazards().running is None)
    # When the page is opened, then it says so in the words of the command
    assert "carrier-pigeon" in words_of(open_page("hazards"))


def test_only_one_hazard_is_shown_at_a_time_and_it_can_be_stopped(open_page: Open) -> None:
    # Given one that is being shown
    hazards().start(HAZARDS[0], "pgmq", 1)
    app = open_page("hazards")
    # Then no other can be begun
    assert all(button.disabled for button in app.button if button.label == HAZARDS[1].title)
    # And when it is stopped, nothing is wrong
    hazards().stop()
    eventually(lambda: hazards().running is None)
    assert "could not be shown" not in words_of(app.run())
