"""The timeline of a saga: what the services say of one order becomes moments in lanes."""

import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

DASHBOARD = str(Path(__file__).parents[2] / "dashboard")
if DASHBOARD not in sys.path:
    sys.path.insert(0, DASHBOARD)

from saga.draw import credit_html, timeline_html  # noqa: E402
from saga.story import Told, lanes_of, moments_of  # noqa: E402
from system.known import known, unknown  # noqa: E402  # found once its folder is on the path

Row = dict[str, Any]
AMOUNT = Decimal(1200)


def moment(second: float) -> str:
    return datetime.fromtimestamp(1_700_000_000 + second, UTC).isoformat()


def event(id: str, type: str, cause: str | None = None, **data: Any) -> Row:
    return {"id": id, "type": type, "causationid": cause, "data": data, "time": moment(0)}


def step(second: float, event: str, state: str, *sent: str, id: str | None = None) -> Row:
    return {"at": moment(second), "event": event, "event_id": id, "state": state, "sent": sent}


CREATED = event("created", "order.created", status="pending", amount=AMOUNT)
REQUESTED = event("requested", "reservation.requested", "created", amount=AMOUNT)
RESERVED = event("reserved", "payment.reserved", "requested", amount=AMOUNT)
APPROVED = event("approved", "order.approved", "reserved", amount=AMOUNT)
RELEASE = event("release", "reservation.release_requested", "rejected")
PLACED = step(0, "place", "reserving", "order.created", "reservation.requested")


def told(**more: Any) -> Told:
    """An order that was placed, and of which nobody has heard yet."""
    parts = {
        "order": {"saga": {"state": "reserving", "history": [PLACED]}},
        "orders_log": [CREATED, REQUESTED],
        "payments_log": [],
        "received": {},
        "projected": {},
    } | more
    return Told(
        **{name: value if hasattr(value, "why") else known(value) for name, value in parts.items()}
    )


def drawn(told: Told) -> list[tuple[str, str, str]]:
    return [(one.lane, one.what, one.state) for one in moments_of(told)]


def test_what_nobody_has_received_yet_is_on_its_way() -> None:
    assert drawn(told()) == [
        ("order-service", "command: place the order", "pending"),
        ("payment-service", "reservation.requested", "on its way"),
        ("invoice-service", "order.created", "on its way"),
    ]


def test_an_approved_order_goes_through_all_three_lanes_in_the_order_of_time() -> None:
    # Given an order that has its credit, and is on the invoice
    history = [PLACED, step(2, "payment.reserved", "approved", "order.approved", id="reserved")]
    story = told(
        order={"saga": {"state": "approved", "history": history}},
        orders_log=[CREATED, REQUESTED, APPROVED],
        payments_log=[RESERVED],
        received={"requested": moment(1)},
        projected={"created": moment(1.5), "approved": moment(3)},
    )

    # Then each moment is in its lane, with the state after it
    assert drawn(story) == [
        ("order-service", "command: place the order", "pending"),
        ("payment-service", "reservation.requested", "$1,200.00 reserved"),
        ("invoice-service", "order.created", "no line yet"),
        ("order-service", "payment.reserved", "approved"),
        ("invoice-service", "order.approved", "a line of $1,200.00"),
    ]


def test_an_answer_that_comes_after_the_deadline_changes_nothing() -> None:
    # Given a saga that its deadline has ended, and a reservation that comes later
    rejected = step(10, "deadline", "rejected", "order.rejected", "reservation.release_requested")
    late = step(12, "payment.reserved", "rejected", id="reserved")
    story = told(order={"saga": {"state": "rejected", "history": [PLACED, rejected, late]}})

    # Then the timeline says so
    assert drawn(story)[1:3] == [
        ("order-service", "the deadline has passed", "rejected"),
        ("order-service", "payment.reserved", "rejected: it changes nothing"),
    ]


def test_a_release_that_overtakes_its_reservation_is_noted_and_the_late_one_refused() -> None:
    # Given a release that payment-service received first
    refused = event("refused", "payment.refused", "requested", reason="it was released", amount=1)
    story = told(
        orders_log=[CREATED, REQUESTED, RELEASE],
        payments_log=[refused],
        received={"requested": moment(12), "release": moment(11)},
    )

    # Then the release comes first in its lane, and the reservation is refused
    answers = [one for one in moments_of(story) if one.lane == "payment-service"]
    assert [one.what for one in answers] == [
        "reservation.release_requested",
        "reservation.requested",
    ]
    assert "nothing was reserved" in answers[0].state
    assert answers[1].state == "refused: it was released"


def test_an_answer_that_order_service_has_not_counted_is_on_its_way() -> None:
    story = told(payments_log=[RESERVED], received={"requested": moment(1)})
    assert ("order-service", "payment.reserved", "on its way") in drawn(story)


def test_a_small_order_needs_nobody_elses_word() -> None:
    small = event("created", "order.created", status="approved", amount=Decimal(50))
    cancelled = event("cancelled", "order.cancelled")
    story = told(order={}, orders_log=[small, cancelled], projected={"created": moment(1)})
    assert drawn(story) == [
        ("order-service", "command: place the order", "approved"),
        ("order-service", "command: cancel the order", "cancelled"),
        ("invoice-service", "order.created", "a line of $50.00"),
        ("invoice-service", "order.cancelled", "on its way"),
    ]


def test_a_lane_whose_service_does_not_answer_is_unknown_and_nothing_is_on_its_way_there() -> None:
    # Given a payment-service that does not answer
    away = unknown("payment-service: <does> not answer")
    story = told(payments_log=away, received=away)

    # Then its lane says so, and has no moment; the others have theirs
    lanes = lanes_of(story)
    said = timeline_html(lanes, moments_of(story))
    assert "unknown: payment-service: &lt;does&gt; not answer" in said
    assert {lane for lane, _, _ in drawn(story)} == {"order-service", "invoice-service"}


def test_the_bar_of_a_credit_fills_and_one_that_nobody_knows_is_no_bar() -> None:
    credit = {"limit": Decimal(5000), "reserved": Decimal(1200), "available": Decimal(3800)}
    drawn = credit_html(3, known(credit))
    assert "$1,200.00 of $5,000.00 reserved, $3,800.00 left" in drawn
    assert 'aria-valuenow="1200"' in drawn
    assert "width:24.0%" in drawn
    unknown_one = credit_html(3, unknown("payment-service: does not answer"))
    assert "unknown" in unknown_one
    assert "meter" not in unknown_one
