"""The benchmark's own parts: what a figure says, how it is shown and drawn, and what the load
client counts."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from cqrs_demo.tooling.bench.compare import IN_TURN, against_peer
from cqrs_demo.tooling.bench.figures import Figure
from cqrs_demo.tooling.bench.load import LoadFailed, in_milliseconds, orders, send
from cqrs_demo.tooling.bench.naive import lost_and_doubled
from cqrs_demo.tooling.bench.plot import svg
from cqrs_demo.tooling.bench.run import MEASUREMENTS, Plan
from cqrs_demo.tooling.cli import app
from cqrs_demo.tooling.cli import bench as bench_command
from cqrs_demo.tooling.runtime.ports import HOST

MACHINE = {"date": "2026-01-01 12:00 UTC", "machine": "2 × <CPU> & more", "python": "3.11"}


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives these answers in turn on each connection, then hangs up. Also what it was
    sent."""
    received: list[bytes] = []
    loop = asyncio.new_event_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            assert length is not None
            received.append(head + await reader.readexactly(int(length[1])))
            writer.write(answer)
            await writer.drain()
        writer.close()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(serve, HOST, 0)

    server = loop.run_until_complete(start())
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://{HOST}:{server.sockets[0].getsockname()[1]}/orders", received
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


CREATED = b"HTTP/1.1 201 Created\r\nX-Event-Id: 0199\r\nContent-Length: 2\r\n\r\n{}"
REFUSED = b"HTTP/1.1 422 Unprocessable\r\nContent-Length: 2\r\n\r\n{}"


def test_a_figure_is_the_median_of_its_rounds() -> None:
    assert Figure("accept", "32 clients", "requests/s", [1.0, 900.0, 2.0]).value == 2.0


def test_latencies_are_told_as_median_99th_percentile_and_longest() -> None:
    assert in_milliseconds([second / 1000 for second in range(1, 101)]) == {
        "p50": 50.5,
        "p99": 100.0,
        "max": 100.0,
    }


def test_the_client_counts_what_was_accepted_and_keeps_the_event_ids() -> None:
    # Given a server that accepts three orders
    with answering(CREATED, CREATED, CREATED) as (url, received):
        # When the client sends three
        outcome = send(url, orders(url, [1, 2]), connections=1, seconds=5, most=3, events=True)
    # Then it knows of each, and has sent the requests in turn
    assert (outcome.accepted, outcome.refused, outcome.broken) == (3, {}, 0)
    assert [id for id, _ in outcome.events] == ["0199"] * 3
    assert [re.findall(rb'"user_id": (\d)', request)[0] for request in received] == [
        b"1",
        b"2",
        b"1",
    ]


def test_a_refused_order_is_not_counted_as_accepted_and_fails_the_measurement() -> None:
    with answering(CREATED, REFUSED) as (url, _):
        outcome = send(url, orders(url, [1]), connections=1, seconds=5, most=2)
    assert (outcome.accepted, outcome.refused) == (1, {"422": 1})
    with pytest.raises(LoadFailed, match="422"):
        outcome.expect_no_refusals()


def test_a_request_that_gets_no_answer_is_counted_as_broken() -> None:
    with answering(CREATED) as (url, _):  # and then it hangs up
        outcome = send(url, orders(url, [1]), connections=1, seconds=5)
    assert (outcome.accepted, outcome.broken) == (1, 1)


def test_each_request_has_an_idempotency_key_of_its_own() -> None:
    with answering(CREATED, CREATED, CREATED) as (url, received):
        send(url, orders(url, [1], key=True), connections=1, seconds=5, most=3)
    keys = {re.findall(rb"Idempotency-Key: (\S+)", request)[0] for request in received}
    assert len(keys) == 3


def test_half_an_answer_is_none() -> None:
    with answering(CREATED[:30], CREATED) as (url, _):
        outcome = send(url, orders(url, [1]), connections=1, seconds=0.3, most=2)
    assert outcome.accepted == 0


def test_the_ratio_to_the_peer_is_told_for_each_broker() -> None:
    # Given a peer that was slow while the machine was, and ours, in turn with it on RabbitMQ,
    # earlier on PGMQ
    peer = Figure(
        "peer", "end to end, 1,000 users", "orders/s", [100.0, 50.0, 100.0], "rabbitmq", {"lost": 3}
    )
    ours = [
        Figure("end to end", "1,000 users, 64 clients", "orders/s", [1300], "pgmq"),
        Figure("end to end", "1,000 users, 64 clients", "orders/s", [2000], "rabbitmq"),
        Figure("end to end", IN_TURN, "orders/s", [1300, 650, 900], "rabbitmq"),
    ]
    # When they are compared
    ratios = list(against_peer([*ours, peer]))
    # Then 13 times is enough on RabbitMQ, where rounds are compared, and not on PGMQ; and the
    # peer's losses are told
    assert [(ratio.broker, ratio.value, ratio.met) for ratio in ratios] == [
        ("pgmq", 13.0, False),
        ("rabbitmq", 13.0, True),
    ]
    assert ratios[0].notes == {"lost by the peer": 3}


def test_the_plot_is_well_formed_and_shows_each_value() -> None:
    figures = [
        Figure("accept", "32 clients <fast>", "requests/s", [4000.0, 5000.0, 4500.0]),
        Figure("lag", "201 → projected", "ms (p50)", [-0.4], "pgmq"),
    ]
    drawing = ElementTree.fromstring(svg(MACHINE, figures))
    texts = [text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert {"32 clients <fast>", "4,500", "201 → projected · pgmq", "-0.4"} <= set(texts)


def test_an_order_on_no_invoice_is_lost_and_each_further_line_of_one_is_doubled() -> None:
    assert lost_and_doubled([1, 2, 3, 4], [1, 3, 3, 3]) == (2, 2)
    assert lost_and_doubled([1, 2], [2, 1]) == (0, 0)


@pytest.mark.parametrize(
    ("options", "naive", "measured"),
    [
        (["--against", "naive"], True, set()),
        (["--against", "naive", "--only", "query"], True, {"query"}),
        ([], False, set(MEASUREMENTS)),
    ],
    ids=["naive", "naive and more", "without"],
)
def test_against_naive_only_that_is_measured_and_what_is_named_besides(
    options: list[str], naive: bool, measured: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a benchmark that notes what it is to measure
    plans: list[Plan] = []
    monkeypatch.setattr(bench_command, "_measure", lambda plan, _: plans.append(plan))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    # When
    said = CliRunner().invoke(app, ["bench", *options])
    # Then
    assert said.exit_code == 0, said.output
    assert [(plan.naive, set(plan.only), plan.against) for plan in plans] == [
        (naive, measured, None)
    ]
