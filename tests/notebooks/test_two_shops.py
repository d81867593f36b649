"""What a notebook shows of a hazard. (The shops themselves run in notebook 08.)"""

from decimal import Decimal
from typing import Any

import pytest

from cqrs_demo.client.errors import Refused
from cqrs_demo.tooling.hazards.catalog import HAZARDS, hazard_named
from cqrs_demo.tooling.hazards.report import description
from cqrs_demo.tooling.workshop.two_shops import Known, SideBySide


def tally(count: int, money: str) -> dict[str, Any]:
    return {"count": count, "money": Decimal(money)}


def row(shop: str, lost: dict[str, Any]) -> dict[str, Any]:
    none = tally(0, "0.00")
    measured = {"accepted": tally(12, "1068.20"), "invoiced": none, "doubled": none}
    return {"shop": shop, **measured, "lost": lost, "wrong_sums": none, "unseen": None}


def seen(problems: list[str]) -> SideBySide:
    shops = [row("ours", tally(0, "0.00")), row("naive", tally(1, "20.69"))]
    told = description(hazard_named("dual-write"))
    return SideBySide({**told, "shops": shops, "problems": problems})


def test_a_hazard_shows_two_rows_and_two_lines_and_leaves_out_what_nobody_measured() -> None:
    # When a hazard is shown in text
    shown = seen([])

    # Then there is a row for each shop, and a line of each
    assert list(shown.table.index) == ["naive", "ours"]
    assert list(shown.table["lost"]) == ["1 (20.69)", "0"]
    assert "insert into demo.outbox" in repr(shown)
    assert "not seen after the 201" not in repr(shown)
    assert shown.lost == Decimal("20.69")


def test_what_was_not_measured_has_no_money() -> None:
    with pytest.raises(Refused, match="unseen"):
        seen([]).money("naive", "unseen")


def test_a_hazard_that_did_not_show_says_so() -> None:
    assert "✘ the naive shop shows nothing" in repr(seen(["the naive shop shows nothing"]))


def test_the_catalogue_is_shown_in_whole_sentences() -> None:
    assert all(one.what_happens in repr(Known()) for one in HAZARDS)
