"""The hazards' own parts: which there are, where they live in the code, how they are counted."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

import cqrs_demo
from cqrs_demo.tooling.cli import app
from cqrs_demo.tooling.hazards.catalog import HAZARDS, NAMES, Hazard, hazard_named
from cqrs_demo.tooling.hazards.oracle import Row, Tally, judge
from cqrs_demo.tooling.hazards.orders import ORDERS, PlannedOrder, drawn
from cqrs_demo.tooling.hazards.report import as_json
from cqrs_demo.tooling.hazards.show import Shown

PACKAGE = Path(cqrs_demo.__file__).parent
each_hazard = pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard.name)


def marks() -> list[str]:
    """The hazards that the naive shop's lines are marked with."""
    sources = [file.read_text(encoding="utf-8") for file in (PACKAGE / "naive").glob("*.py")]
    return [name for source in sources for name in re.findall("# hazard: (.*)", source)]


def test_each_hazard_has_one_line_in_the_naive_shop_and_no_line_has_another() -> None:
    assert sorted(marks()) == sorted(NAMES)


@each_hazard
def test_the_naive_shops_module_tells_of_the_hazard(hazard: Hazard) -> None:
    source = (PACKAGE / hazard.naive_line.file).read_text(encoding="utf-8")
    assert f"\n- {hazard.name}: " in source


@each_hazard
def test_the_line_that_prevents_it_stands_in_our_code(hazard: Hazard) -> None:
    line = hazard.our_line
    source = (PACKAGE / line.file).read_text(encoding="utf-8").splitlines()
    assert source[line.number - 1].strip() == line.code
    assert not line.file.startswith(("naive", "tooling"))


def test_the_list_names_each_with_its_lines() -> None:
    said = json.loads(CliRunner().invoke(app, ["hazard", "list", "--json"]).stdout)
    assert [one["name"] for one in said] == list(NAMES)
    assert all(one["naive_line"]["code"] and one["our_line"]["code"] for one in said)


def test_the_list_for_people_says_how_to_see_one() -> None:
    said = CliRunner().invoke(app, ["hazard", "list"])
    assert said.exit_code == 0
    assert all(name in said.stdout for name in NAMES)
    assert "cqrs-demo hazard show" in said.stdout


def test_an_unknown_hazard_is_refused_with_the_names_there_are() -> None:
    said = CliRunner().invoke(app, ["hazard", "show", "bad-luck"])
    assert said.exit_code == 2
    assert "bad-luck" in said.stderr
    assert all(name in said.stderr for name in ("dual-write", "stale-read"))


def test_a_seed_always_gives_the_same_orders_and_another_seed_others() -> None:
    assert drawn(7, [1, 2, 3, 4]) == drawn(7, [1, 2, 3, 4])
    assert drawn(7, [1, 2, 3, 4]) != drawn(8, [1, 2, 3, 4])


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_seed_the_fault_finds_orders_of_one_invoice(seed: int) -> None:
    work = drawn(seed, [1, 2, 3, 4])
    assert len(work.orders) == ORDERS
    assert len({(order.user_id, order.month) for order in work.hit}) == 1
    assert len(work.hit) > 1
    assert len({order.description for order in work.orders}) == ORDERS


WIDGET = PlannedOrder(1, "a widget", Decimal("50.00"), "2025-04-03T10:00:00Z")
GADGET = PlannedOrder(1, "a gadget", Decimal("12.50"), "2025-04-04T10:00:00Z")
APRIL = (1, 2025, 4)


def line(order: PlannedOrder) -> dict[str, object]:
    return {"description": order.description, "amount": str(order.amount)}


def counted(*shown: PlannedOrder, total: str) -> Row:
    """Both orders accepted, and an invoice with these lines."""
    return judge(
        "ours", [WIDGET, GADGET], {APRIL: {"orders": [line(o) for o in shown], "total": total}}
    )


def test_an_invoice_with_each_accepted_order_once_is_sound() -> None:
    row = counted(WIDGET, GADGET, total="62.50")
    assert row.sound
    assert row.invoiced == row.accepted == Tally(2, Decimal("62.50"))


def test_an_accepted_order_on_no_invoice_is_lost() -> None:
    row = counted(WIDGET, total="50.00")
    assert row.lost == Tally(1, Decimal("12.50"))
    assert row.wrong_sums == Tally(1, Decimal("12.50"))
    assert not row.sound


def test_no_invoice_at_all_loses_all_that_should_be_on_it() -> None:
    row = judge("ours", [WIDGET, GADGET], {APRIL: None})
    assert row.lost == Tally(2, Decimal("62.50"))


def test_an_order_that_stands_on_the_invoice_three_times_is_doubled_twice() -> None:
    row = counted(WIDGET, GADGET, GADGET, GADGET, total="87.50")
    assert row.doubled == Tally(2, Decimal("25.00"))
    assert row.lost.count == 0


def test_a_total_that_is_not_the_sum_of_what_was_ordered_is_wrong() -> None:
    assert counted(WIDGET, GADGET, total="62.49").wrong_sums == Tally(1, Decimal("0.01"))


NOTHING = Tally(0, Decimal("0.00"))
SOMETHING = Tally(1, Decimal("5.00"))


def shown(ours: Tally, naive: Tally) -> Shown:
    def row(shop: str, lost: Tally) -> Row:
        return Row(shop, SOMETHING, SOMETHING, lost, NOTHING, NOTHING, None)

    return Shown(hazard_named("dual-write"), 1, "pgmq", 1.0, row("ours", ours), row("naive", naive))


@pytest.mark.parametrize(
    ("ours", "naive", "said"),
    [
        (NOTHING, SOMETHING, ""),
        (SOMETHING, SOMETHING, "our shop did not keep its promise"),
        (NOTHING, NOTHING, "the naive shop shows nothing"),
    ],
    ids=["as it must be", "ours loses", "the naive one does not"],
)
def test_it_is_a_failure_when_ours_loses_or_the_naive_shop_does_not(
    ours: Tally, naive: Tally, said: str
) -> None:
    problems = shown(ours, naive).problems
    assert len(problems) == (1 if said else 0)
    assert all(said in problem for problem in problems)


def test_what_nobody_looked_at_is_unknown_in_the_json_and_not_zero() -> None:
    told = as_json(shown(NOTHING, SOMETHING))
    assert [shop["unseen"] for shop in told["shops"]] == [None, None]
    assert told["shops"][1]["lost"] == {"count": 1, "money": Decimal("5.00")}
