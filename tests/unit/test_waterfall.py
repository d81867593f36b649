"""The waterfall of a command, and the timeline of an invoice: what is drawn of what is known."""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

DASHBOARD = str(Path(__file__).parents[2] / "dashboard")
if DASHBOARD not in sys.path:
    sys.path.insert(0, DASHBOARD)

from cqrs_demo.client.answer import Answer  # noqa: E402
from cqrs_demo.inbox.inbox import CLAIM  # noqa: E402
from cqrs_demo.order_service.commands import PLACE_ORDERS  # noqa: E402
from invoices.timeline import timeline_html  # noqa: E402
from stage.traces import End, Receipt, Trace  # noqa: E402
from system import exchanges  # noqa: E402  # found once its folder is on the path
from waterfall.bars import Bar, bars  # noqa: E402
from waterfall.draw import waterfall_html  # noqa: E402

EVENT = {
    "id": "e1",
    "type": "order.created",
    "subject": "17",
    "source": "/order-service",
    "data": {"description": "<b>Widget</b>"},
}
BEGAN, AGAIN = 0.0, 105.0  # when two processes of the consumer began
START = datetime(2025, 4, 1, tzinfo=UTC)


@pytest.fixture
def trace() -> Trace:
    """Accepted at 100, and so on, to the invoice."""
    trace = Trace("e1", EVENT, accepted=100.0, published=[100.2])
    trace.receipts, trace.projected = [Receipt(100.3, BEGAN)], 100.5
    trace.ends = [End(100.6, "projected")]
    return trace


@pytest.fixture
def exchange() -> Iterator[exchanges.Exchange]:
    answer = Answer(201, {"id": 17}, {"X-Event-Id": "e1"}, "order-service", 99.9, 100.1)
    yield exchanges.Exchange("POST", "/order-service/orders", {}, {"amount": 5}, answer)
    exchanges._known.clear()


def spans(found: list[Bar]) -> list[tuple[str, float | None, float | None]]:
    return [(bar.hop, bar.start, bar.end) for bar in found]


def test_each_hop_lasts_from_the_one_before_to_its_own_end(
    trace: Trace, exchange: exchanges.Exchange
) -> None:
    assert spans(bars(trace, exchange)) == [
        ("HTTP", 99.9, 100.1),
        ("transaction", 99.9, 100.0),
        ("in the outbox", 100.0, 100.2),
        ("in the broker", 100.2, 100.3),
        ("inbox, projection", 100.3, 100.5),
    ]


def test_a_hop_shows_the_sql_that_its_module_runs(
    trace: Trace, exchange: exchanges.Exchange
) -> None:
    shown = {bar.hop: [text for _, text in bar.shows] for bar in bars(trace, exchange)}
    assert shown["transaction"] == [PLACE_ORDERS]
    assert shown["inbox, projection"][0] == CLAIM
    assert "POST /order-service/orders" in shown["HTTP"][0]
    assert "201 Created" in shown["HTTP"][1]
    assert '"subject": "17"' in shown["in the broker"][0]


def test_what_is_not_known_is_said_to_be_unknown(trace: Trace) -> None:
    # Given a command that somebody else sent, and an event that nobody has published
    trace.published, trace.receipts, trace.ends, trace.projected = [], [], [], None

    # When it is drawn
    found = bars(trace, None)
    html = waterfall_html(found)

    # Then there is no HTTP exchange, the outbox goes on, and what comes after has no time
    assert spans(found) == [
        ("HTTP", None, None),
        ("transaction", 100.0, 100.0),
        ("in the outbox", 100.0, None),
        ("in the broker", None, None),
        ("inbox, projection", None, None),
    ]
    assert re.findall('class="took">([^<]*)<', html) == ["unknown", "0 ms", "…"] + 2 * ["unknown"]


def test_a_crash_ends_one_bar_and_another_begins(trace: Trace) -> None:
    trace.receipts.append(Receipt(106.0, AGAIN))
    trace.projected, trace.ends = 106.2, [End(106.3, "projected")]
    assert [(bar.hop, bar.where, bar.start, bar.end) for bar in bars(trace, None)[4:]] == [
        ("inbox", "ended by a crash: the broker keeps it", 100.3, 105.0),
        ("inbox, projection, 2", "counts now", 106.0, 106.2),
    ]


def test_a_duplicate_is_a_bar_that_ends_at_the_inbox(trace: Trace) -> None:
    trace.receipts.append(Receipt(103.0, BEGAN))
    trace.ends.append(End(103.1, "duplicate"))
    last = bars(trace, None)[-1]
    assert (last.where, last.start, last.end) == ("known to the inbox: dropped", 103.0, 103.1)


def test_names_are_shown_as_they_are_written(trace: Trace) -> None:
    html = waterfall_html(bars(trace, None))
    assert "&lt;b&gt;Widget" in html
    assert "<b>Widget" not in html


def test_only_so_many_exchanges_are_kept(exchange: exchanges.Exchange) -> None:
    for number in range(exchanges.KEPT + 1):
        answer = Answer(201, {}, {"X-Event-Id": str(number)})
        exchanges.note(exchanges.Exchange("POST", "/", {}, None, answer))
    assert exchanges.exchange_of("0") is None
    assert exchanges.exchange_of("1") is not None
    exchanges.note(exchanges.Exchange("POST", "/", {}, None, Answer(422, {})))  # made no event


def test_a_timeline_has_a_mark_where_something_happened_and_says_what_counts() -> None:
    # Given an invoice with three moments, and many in one place
    moments = [START + timedelta(hours=hour) for hour in (0, 1, 4)] + 50 * [
        START + timedelta(days=1)
    ]

    # When it is drawn as of the second
    html = timeline_html(moments, moments[1])

    # Then two are counted, and the later ones are hollow, the many in one mark
    assert html.count('class="counted"') == 2
    assert html.count('class="later"') == 2
    assert "2 events of 53 counted" in html
    assert 'title="50 events"' in html

    # And now all are; and one moment alone is no life
    assert timeline_html(moments, None).count('class="later"') == 0
    assert timeline_html(moments[:1], None) == ""
