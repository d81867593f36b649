"""What is not known is shown as unknown: the rule itself, and the parts of the pages that are made
of facts, drawn from samples that are made by hand."""

import time
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from cqrs_demo.client.errors import NoAnswer
from tests.browser.conftest import DASHBOARD, cards, known, proof, pulse, sample, strip, tally

Row = dict[str, Any]


def nobody_answers() -> int:
    raise NoAnswer("does not answer", "order-service")


def test_what_nobody_answers_is_unknown_and_neither_zero_nor_fine() -> None:
    # Given a question that nobody answers
    fact = known.asked(nobody_answers)

    # Then it is shown as unknown, holds for nothing, and so does what follows from it
    sums = known.together(lambda *counts: sum(counts), known.known(3), fact)
    assert (fact.shown(), sums.shown()) == ("unknown", "unknown")
    assert not fact.holds(lambda count: count == 0)
    assert not sums.holds(lambda _: True)


def test_an_old_value_says_how_old_it_is_and_holds_no_more() -> None:
    # Given a value of now, and one of twelve seconds ago
    new, old = known.known(5), known.known(7, time.time() - 12)

    # Then the old one tells, and so does what is made of both
    assert (new.shown(), old.shown()) == ("5", "7 · 12 s ago")
    assert known.together(lambda a, b: a + b, new, old).shown() == "12 · 12 s ago"
    assert not old.holds(lambda _: True)


def test_a_count_that_began_anew_has_no_rate() -> None:
    at = time.time()
    before, after = known.known(100, at - 2), known.known(140, at)
    assert known.per_second(before, after).shown() == "20.0"
    assert known.per_second(after, replace(before, at=at + 1)).shown() == "unknown"


def test_no_page_reads_a_value_past_the_rule() -> None:
    others = [file for file in DASHBOARD.rglob("*.py") if file.name != "known.py"]
    assert [file.name for file in others if "._value" in file.read_text()] == []


# What is on the way


def counts(*born: tuple[int, int]) -> Any:
    return known.known({"at": time.time(), "count": 0, "born": [list(pair) for pair in born]})


def test_what_one_side_has_and_the_other_is_not_done_with_is_on_the_way() -> None:
    # Given two logs and an inbox that lacks three events, the oldest of forty seconds ago
    now = int(time.time())
    counting = begun(0)
    told = counting.compare(
        [counts((now - 50, 5), (now - 40, 2)), counts((now - 40, 4), (now, 1))],
        counts((now - 50, 5), (now - 40, 4)),
    )

    # Then three are on the way, the oldest for forty seconds, and it is looked at again
    assert told.holds(lambda found: found.events == 3 and 38 < found.oldest < 42)
    assert counting.span.since == now - 40


def begun(hour: int) -> Any:
    """A tally that has counted a history in which one event of that hour is missing; 0: none."""
    born = {"order-service": [[hour, 1]] if hour else []}
    counting = tally.Tally()
    counting.begin(lambda service, span: {"born": born.get(service, [])}, within=5)
    return counting


def test_an_event_that_was_missing_before_anybody_looked_is_found() -> None:
    # Given an event of long ago that was never projected, then it is counted from there on
    assert begun(1_700_000_000).span.since == 1_700_000_000


def test_without_the_inbox_nobody_knows_what_is_on_the_way() -> None:
    told = begun(0).compare([counts(), counts()], known.unknown("invoice-service is frozen"))
    assert told.shown() == "unknown"


def test_until_history_is_counted_nobody_knows_what_is_on_the_way() -> None:
    def silent(*_: object) -> Row:
        raise NoAnswer("does not answer", "order-service")

    counting = tally.Tally()
    counting.begin(silent, within=5)
    assert counting.compare([counts(), counts()], counts()).shown() == "unknown"


# The cards and the strip


def one(at: float, published: int, mode: str = "running", depth: int = 0, **more: Any) -> Any:
    relay = {"mode": mode, "trouble": None, "outbox": 154, "published": published}
    consumer = {"mode": "running", "trouble": None, "latency": 0.012}
    consumer |= {"counts": {"projected": published, "duplicate": 0}}
    facts = {
        "gates": {
            "user relay": known.known({**relay, "published": 0}, at),
            "order relay": known.known(relay, at),
            "consumer": known.known(consumer, at),
        },
        "logs": {"user-service": known.known(3, at), "order-service": known.known(900, at)},
        "queues": known.known({"user": 0, "account": 0, "order": depth}, at),
        "on_the_way": known.known(tally.OnTheWay(0, 0.0), at),
        "dead": known.known(0, at),
    }
    return sample.Sample(at, **{**facts, **more})


@pytest.fixture(autouse=True)
def on_pgmq(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards.reach, "broker_name", lambda: "PGMQ")


def test_each_relay_tells_what_it_has_published() -> None:
    # Given an order relay that published 40 events in two seconds, and a user relay that none
    now = time.time()
    states = cards.cards([one(now - 2, 100), one(now, 140)])["states"]

    # Then each says its own rate
    assert states["order relay"] == "relay runs, publishes 20/s"
    assert states["user relay"] == "relay runs, publishes 0/s"


def test_nothing_leaves_a_relay_that_publishes_nothing_whatever_is_accepted() -> None:
    # Given a relay that is paused while orders are accepted
    now = time.time()
    logs = {"user-service": known.known(3), "order-service": known.known(940)}
    before, after = one(now - 2, 100), one(now, 100, logs=logs)
    relay = after.gates["order relay"].then(lambda state: {**state, "mode": "paused"})
    paused = replace(after, gates={**after.gates, "order relay": relay})

    # Then it is paused, and no rate of its is but zero
    shown = cards.cards([before, paused])
    assert shown["states"]["order relay"] == "relay is paused"
    assert (
        pulse.rate([before, paused], lambda found: found.published("order relay")).shown() == "0.0"
    )


def test_a_stopped_broker_is_red_on_its_card_and_holds_the_loops_up() -> None:
    away = known.unknown("broker: does not answer")
    shown = cards.cards([one(time.time(), 100, queues=away, frozen=("broker",))])
    assert (shown["modes"]["broker"], shown["states"]["broker"]) == ("away", "stopped")
    assert shown["values"]["order"] == "unknown"
    assert shown["states"]["order relay"] == "relay waits for the broker"
    assert shown["modes"]["order relay"] == "stuck"


def test_a_stopped_broker_is_red_and_named_in_the_strip() -> None:
    away = known.unknown("broker: does not answer")
    stopped = one(time.time(), 100, queues=away, frozen=("broker",))
    said = strip.strip_html(stopped, stopped.left_behind())
    assert '<span class="light away"><i></i>broker stopped</span>' in said
    assert stopped.left_behind() == ["broker stopped"]


def test_before_anybody_has_answered_nothing_is_fine() -> None:
    # Given a first visitor, to whom nobody has answered yet
    nothing = sample.nothing_known(time.time())
    said = strip.strip_html(nothing, nothing.left_behind())

    # Then no light and no card is green, and nothing is said to be projected
    assert "light running" not in said
    assert set(cards.cards([nothing])["modes"].values()) == {"unknown"}
    assert "everything is projected" not in said
    assert "on the way and dead letters: unknown" in said


def test_a_lag_that_nobody_knows_is_not_zero() -> None:
    frozen = one(time.time(), 0, on_the_way=known.unknown("invoice-service is frozen"))
    assert cards.cards([frozen])["states"]["invoices"] == "unknown"


def test_the_first_visitor_is_not_kept_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a system in which nobody answers at all
    monkeypatch.setattr(pulse, "FIRST", 0.0)
    monkeypatch.setattr(pulse.reach, "system", lambda: None)
    monkeypatch.setattr(pulse.Pulse, "_run", lambda self: None)

    # Then there is something to draw all the same
    assert pulse.Pulse().now().broker_mode == "unknown"


# The proof


def orders(count: int, amount: str) -> Any:
    return known.known({"orders": count, "amount": Decimal(amount)})


ON_THE_WAY, NONE_ON_THE_WAY = tally.OnTheWay(3, 1.0), tally.OnTheWay(0, 0.0)
SILENT = known.unknown("frozen")


@pytest.mark.parametrize(
    ("accepted", "invoiced", "on_the_way", "state", "says", "verify"),
    [
        (("5", "9.00"), ("5", "9.00"), NONE_ON_THE_WAY, "same", "accepted =", False),
        (("5", "9.00"), ("5", "6.00"), NONE_ON_THE_WAY, "differs", "by $3.00", True),
        (("5", "9.00"), ("3", "4.00"), ON_THE_WAY, "open", "2 orders not", False),
        (("5", "9.00"), ("3", "4.00"), NONE_ON_THE_WAY, "open", "2 orders not", True),
        (("5", "9.00"), ("3", "4.00"), None, "open", "2 orders not", False),
        (("5", "9.00"), ("6", "10.00"), NONE_ON_THE_WAY, "differs", "1 order too", True),
        (("5", "9.00"), None, None, "unknown", "not known", False),
    ],
)
def test_the_proof_is_green_only_where_count_and_sum_agree(
    accepted: Any, invoiced: Any, on_the_way: Any, state: str, says: str, verify: bool
) -> None:
    # Given what both sides have, and what is on the way; None is what nobody knows
    sides = [
        known.known({"orders": int(side[0]), "amount": Decimal(side[1])}) if side else SILENT
        for side in (accepted, invoiced)
    ]
    waiting = known.known(on_the_way) if on_the_way else SILENT
    of_now = one(time.time(), 0, accepted=sides[0], invoiced=sides[1], on_the_way=waiting)

    # Then it is green only where both agree, and else says what differs, and what to do
    told = proof.verdict([of_now] * proof.AGREE)
    assert (told.state, told.verify) == (state, verify)
    assert says in told.says


def test_what_differs_for_a_moment_only_is_no_reason_to_verify() -> None:
    # Given an order that was accepted after the logs were counted
    now = time.time()
    before = one(now, 0, accepted=orders(4, "4.00"), invoiced=orders(4, "4.00"))
    after = one(now, 0, accepted=orders(5, "5.00"), invoiced=orders(4, "4.00"))

    # Then the page waits for a few samples that say the same
    assert not proof.verdict([before, after]).verify
    assert proof.verdict([before, *[after] * proof.AGREE]).verify
