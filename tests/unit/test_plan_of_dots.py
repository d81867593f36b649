"""The plan of the Stage: what is known of events becomes dots with a way."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

DASHBOARD = str(Path(__file__).parents[2] / "dashboard")
if DASHBOARD not in sys.path:
    sys.path.insert(0, DASHBOARD)

from stage.plan import MOST, dots_of  # noqa: E402  # found once its folder is on the path
from stage.traces import KEPT, Traces  # noqa: E402

ID = "00000000-0000-7000-8000-000000000001"
START = 1_700_000_000.0
FIRST, SECOND = START - 100, START + 5  # when two processes of the consumer began


def moment(after: float) -> str:
    return datetime.fromtimestamp(START + after, UTC).isoformat()


def accepted(id: str = ID, after: float = 0.0) -> dict[str, Any]:
    order = {"id": 17, "user_id": 3}
    return {
        "id": id,
        "type": "order.created",
        "subject": "17",
        "source": "/order-service",
        "time": moment(after),
        "data": order,
    }


def passed(what: str, after: float, began: float = FIRST, **more: Any) -> dict[str, Any]:
    row = {"event_id": ID, "what": what, "at": moment(after), "projected_at": None, **more}
    return {"began": moment(began - START), "passages": [row]}


@pytest.fixture
def traces() -> Traces:
    """With one order that was accepted at 0."""
    traces = Traces()
    traces.accepted([accepted()])
    return traces


def ways(traces: Traces, now: float = 10.0) -> list[list[tuple[str, float]]]:
    """Of each dot, with seconds since the start."""
    dots, _ = dots_of(traces.all(), START + now)
    return [[(station, round(at - START, 3)) for station, at in dot["way"]] for dot in dots]


def fates(traces: Traces, now: float = 10.0) -> list[str | None]:
    return [dot["fate"] for dot in dots_of(traces.all(), START + now)[0]]


def test_an_event_that_nobody_has_published_waits_in_its_outbox(traces: Traces) -> None:
    assert ways(traces) == [[("order-service", 0), ("order outbox", 0)]]
    assert fates(traces) == [None]


def test_a_projected_event_has_the_whole_way_at_its_real_times(traces: Traces) -> None:
    traces.passed(passed("published", 0.02))
    traces.passed(passed("received", 0.05))
    traces.passed(passed("projected", 0.09, projected_at=moment(0.07)))
    assert ways(traces) == [
        [
            ("order-service", 0),
            ("order outbox", 0),
            ("order", 0.02),
            ("inbox", 0.05),
            ("invoices", 0.07),
        ]
    ]
    assert fates(traces) == ["projected"]


def test_an_event_received_before_its_confirm_was_in_the_broker_by_then(traces: Traces) -> None:
    traces.passed(passed("received", 0.01))
    traces.passed(passed("published", 0.02))
    assert ways(traces)[0][2:] == [("order", 0.01), ("inbox", 0.01)]


def test_passages_that_are_told_before_their_event_are_kept_for_it() -> None:
    traces = Traces()
    traces.passed(passed("published", 0.02))
    assert ways(traces) == []
    traces.accepted([accepted()])
    assert ways(traces)[0][-1] == ("order", 0.02)


def test_a_dead_letter_falls_out_at_the_inbox_and_says_why(traces: Traces) -> None:
    traces.passed(passed("received", 0.05))
    traces.passed(passed("not-applied", 0.09))
    letter = {"id": 1, "event_id": ID, "event_type": "order.created", "queue": "order"}
    traces.set_aside("invoice-service", [{**letter, "reason": "no", "last_failed": moment(0.08)}])
    assert ways(traces)[0][-2:] == [("inbox", 0.05), ("dead letters", 0.08)]
    [dot], _ = dots_of(traces.all(), START + 1)
    assert (dot["fate"], dot["says"]) == ("dead", "order.created 17: no")


def test_a_dead_letter_whose_event_is_in_no_log_comes_out_of_the_broker() -> None:
    traces = Traces()
    letter = {"id": 1, "event_id": None, "event_type": None, "queue": "order", "reason": "no"}
    traces.set_aside("invoice-service", [{**letter, "last_failed": moment(0.08)}])
    assert ways(traces) == [[("order", 0.08), ("inbox", 0.08), ("dead letters", 0.08)]]


def test_a_duplicate_is_a_dot_of_its_own_that_ends_at_the_inbox(traces: Traces) -> None:
    traces.passed(passed("received", 0.05))
    traces.passed(passed("projected", 0.09, projected_at=moment(0.07)))
    traces.passed(passed("received", 2.0))
    assert ways(traces)[1:] == [[("order", 2.0), ("inbox", 2.0)]]
    traces.passed(passed("duplicate", 2.1, projected_at=moment(0.07)))
    assert ways(traces)[1:] == [[("order", 2.0), ("inbox", 2.0), ("gone", 2.1)]]
    assert fates(traces) == ["projected", "duplicate"]


def test_what_a_relay_published_twice_leaves_the_outbox_twice(traces: Traces) -> None:
    traces.passed(passed("published", 0.02))
    traces.passed(passed("received", 0.05))
    traces.passed(passed("projected", 0.09, projected_at=moment(0.07)))
    traces.passed(passed("published", 2.0))
    traces.passed(passed("received", 2.1))
    assert ways(traces)[1] == [("order outbox", 2.0), ("order", 2.0), ("inbox", 2.1)]


def test_an_event_in_hand_at_a_crash_goes_back_to_its_queue_and_is_tried_again(
    traces: Traces,
) -> None:
    traces.passed(passed("received", 0.05))
    traces.passed(passed("received", 6.0, SECOND))
    traces.passed(passed("projected", 6.1, SECOND, projected_at=moment(6.05)))
    assert ways(traces) == [
        [
            ("order-service", 0),
            ("order outbox", 0),
            ("order", 0.05),
            ("inbox", 0.05),
            ("order", 5),
            ("inbox", 6.0),
            ("invoices", 6.05),
        ]
    ]
    [dot], _ = dots_of(traces.all(), START + 10)
    assert dot["tries"] == 2


def test_a_crash_between_commit_and_acknowledgement_makes_a_duplicate(traces: Traces) -> None:
    traces.passed(passed("received", 0.05))
    traces.passed(passed("received", 6.0, SECOND))
    traces.passed(passed("duplicate", 6.1, SECOND, projected_at=moment(0.07)))
    assert [way[-1] for way in ways(traces)] == [("invoices", 0.07), ("gone", 6.1)]


def test_a_batch_that_is_tried_again_in_the_same_process_stays_in_the_inbox(
    traces: Traces,
) -> None:
    traces.passed(passed("received", 0.05))
    traces.passed(passed("received", 1.0))
    assert [station for station, _ in ways(traces)[0]][-2:] == ["order", "inbox"]
    assert dots_of(traces.all(), START + 2)[0][0]["tries"] == 2


def test_an_event_of_long_ago_is_asked_for_at_once_and_not_shown_as_waiting(
    traces: Traces,
) -> None:
    assert [trace.id for trace in traces.overdue(before=START + 2)] == [ID]
    assert traces.overdue(before=START - 2) == []


def test_an_event_that_passed_while_nobody_looked_is_known_by_the_inbox(traces: Traces) -> None:
    traces.counted({ID: moment(0.3)})
    assert ways(traces)[0][2:] == [("order", 0.3), ("inbox", 0.3), ("invoices", 0.3)]
    assert traces.overdue(before=2e10) == []


def test_what_has_ended_a_while_ago_is_no_more_told_of(traces: Traces) -> None:
    traces.counted({ID: moment(0.3)})
    assert ways(traces, now=60) == []


def test_of_a_crowd_a_part_is_drawn_and_it_is_said_which() -> None:
    # Given many more events under way than can be seen
    traces = Traces()
    traces.accepted(accepted(f"event {number}") for number in range(2 * KEPT))
    assert len(traces.all()) == KEPT

    # When dots are made of them, then not too many, each of so many events
    dots, every = dots_of(traces.all(), START + 1)
    assert 0 < len(dots) <= MOST
    assert every >= KEPT / MOST

    # And the same ones again
    assert dots_of(traces.all(), START + 2)[0] == dots


def test_a_request_for_credit_ends_in_the_inbox_of_payment_service() -> None:
    # Given a request for credit that payment-service has counted
    traces = Traces()
    traces.accepted([accepted() | {"type": "reservation.requested"}])
    for what, after in (("published", 0.1), ("received", 0.2)):
        traces.passed(passed(what, after))
    traces.passed(passed("projected", 0.3, projected_at=moment(0.3)))

    # Then it never goes to the invoices
    assert ways(traces, now=1.0) == [
        [
            ("order-service", 0.0),
            ("order outbox", 0.0),
            ("reservation", 0.1),
            ("payment inbox", 0.2),
            ("payment inbox", 0.3),
        ]
    ]
    assert fates(traces, now=1.0) == ["projected"]


def test_what_nobody_subscribes_to_ends_when_it_is_published() -> None:
    traces = Traces()
    limited = {"type": "credit.limited", "source": "/payment-service"}
    traces.accepted([accepted() | limited])
    traces.passed(passed("published", 0.1))
    assert ways(traces, now=1.0)[0][-1] == ("payment outbox", 0.1)
    assert fates(traces, now=1.0) == ["ignored"]
    assert not traces.all()[0].open
