"""Each hazard: the naive shop shows it and no other, and ours, given the same, shows none.

One pair of shops for all of them, on PGMQ: what a hazard breaks, it mends.
"""

import json
from collections.abc import Iterator
from contextlib import nullcontext

import httpx
import pytest
from typer.testing import CliRunner

from cqrs_demo.tooling.cli import app
from cqrs_demo.tooling.hazards import stage as hazards_stage
from cqrs_demo.tooling.hazards.catalog import HAZARDS, Hazard, hazard_named
from cqrs_demo.tooling.hazards.oracle import Row
from cqrs_demo.tooling.hazards.show import show
from cqrs_demo.tooling.hazards.stage import Stage, stage

EXPECTED = {
    "dual-write": {"lost", "wrong_sums"},
    "lost-update": {"lost", "wrong_sums"},
    "duplicate": {"doubled", "wrong_sums"},
    "reordering": {"lost", "wrong_sums"},
    "acknowledged-first": {"lost", "wrong_sums"},
    "retry-without-key": {"doubled", "wrong_sums"},
    "stale-read": {"unseen"},
}


def ignore(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def both() -> Iterator[Stage]:
    with stage("pgmq", ignore) as shops:
        yield shops


def harm(row: Row) -> set[str]:
    tallies = {name: getattr(row, name) for name in ("lost", "doubled", "wrong_sums", "unseen")}
    return {name for name, tally in tallies.items() if tally is not None and tally.count}


@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard.name)
def test_the_naive_shop_shows_the_hazard_and_no_other_and_ours_shows_none(
    both: Stage, hazard: Hazard
) -> None:
    # When both shops get the same orders and the same fault
    shown = show(both, hazard, 1, ignore)
    # Then
    assert (harm(shown.ours), harm(shown.naive)) == (set(), EXPECTED[hazard.name])
    assert shown.problems == []
    assert shown.ours.accepted == shown.naive.accepted


def test_the_command_prints_both_rows_for_programs(
    both: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the shops that run already, in place of those that the command would start
    monkeypatch.setattr(hazards_stage, "stage", lambda *_: nullcontext(both))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    # When a hazard is asked for as JSON
    said = CliRunner().invoke(app, ["hazard", "show", "lost-update", "--seed", "3", "--json"])
    # Then it succeeds, and tells what each shop lost, and where
    assert said.exit_code == 0, said.output
    told = json.loads(said.stdout)
    ours, naive = told["shops"]
    assert (ours["shop"], ours["lost"]) == ("ours", {"count": 0, "money": 0.00})
    assert (naive["shop"], naive["lost"]["count"] > 0) == ("naive", True)
    assert told["naive_line"]["file"] == "naive/invoices.py"


def test_the_fault_that_doubles_an_order_in_the_naive_shop_does_reach_ours(both: Stage) -> None:
    def duplicates() -> int:
        state = httpx.get(f"{both.ours.reader.url}/invoice-service/consumer").json()
        return int(state["counts"]["duplicate"])

    # Given what our consumer has recognised until now
    before = duplicates()
    # When
    show(both, hazard_named("duplicate"), 2, ignore)
    # Then the event came twice here, too
    assert duplicates() > before
