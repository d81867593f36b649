"""The workshop controls: time stops between two hops, and moves on by one event at a time. On both
brokers."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.fixtures.answers import assert_problem
from tests.fixtures.shop import Shop, eventually

RELAY, CONSUMER = ("order-service", "/relay"), ("invoice-service", "/consumer")
BOTH = pytest.mark.parametrize("control", [RELAY, CONSUMER], ids=["relay", "consumer"])
Control = tuple[str, str]


@pytest.fixture
def shared_shop(shared_shop: Shop) -> Iterator[Shop]:
    """The shared shop, set running again whatever the test did to it."""
    yield shared_shop
    for service, path in (RELAY, CONSUMER):
        shared_shop.put(service, path, {"mode": "running"})


def set_mode(shop: Shop, control: Control, mode: str) -> dict[str, Any]:
    service, path = control
    answer = shop.put(service, path, {"mode": mode})
    assert answer.status_code == 200, answer.text
    state: dict[str, Any] = answer.json()
    assert state["mode"] == mode
    return state


def state(shop: Shop, control: Control) -> dict[str, Any]:
    service, path = control
    result: dict[str, Any] = shop.get(service, path).json()
    return result


def step(shop: Shop, control: Control, count: int | None = None) -> dict[str, Any]:
    service, path = control
    answer = shop.post(service, path + "/step", {} if count is None else {"count": count})
    assert answer.status_code == 200, answer.text
    moved: dict[str, Any] = answer.json()
    return moved


def lines(shop: Shop, user_id: int) -> int:
    """Orders of this user on invoices."""
    return sum(
        len(invoice["orders"])
        for invoice in shop.get("invoice-service", f"/users/{user_id}/invoices").json()
    )


def test_events_stay_in_the_outbox_while_the_relay_is_paused_and_leave_it_step_by_step(
    shop: Shop,
) -> None:
    # Given a paused relay
    eventually(lambda: state(shop, RELAY)["leading"])
    assert set_mode(shop, RELAY, "paused")["outbox"] == 0

    # When three orders are placed
    for _ in range(3):
        assert shop.place_order(1).status_code == 201

    # Then their events wait in the outbox
    waiting = {"mode": "paused", "leading": True, "trouble": None, "outbox": 3, "published": 0}
    assert state(shop, RELAY) == waiting

    # and a step moves exactly one, through to the invoice
    moved = step(shop, RELAY)
    assert (moved["moved"], moved["outbox"], moved["mode"]) == (1, 2, "paused")
    assert moved["published"] == 1
    eventually(lambda: lines(shop, 1) == 1)

    # and a step of more than there are moves what there is
    moved = step(shop, RELAY, 10)
    assert (moved["moved"], moved["outbox"]) == (2, 0)
    eventually(lambda: lines(shop, 1) == 3)

    # and a step where nothing is moves nothing
    assert step(shop, RELAY)["moved"] == 0


def test_messages_stay_in_their_queue_while_the_consumer_is_paused_and_leave_it_step_by_step(
    shop: Shop,
) -> None:
    # Given a paused consumer
    set_mode(shop, CONSUMER, "paused")

    # When three orders are placed and published
    for _ in range(3):
        shop.place_order(1)

    # Then they wait in the queue, and no invoice has them
    eventually(lambda: state(shop, CONSUMER)["queues"] == {"user": 0, "account": 0, "order": 3})
    assert lines(shop, 1) == 0

    # and a step moves exactly one
    moved = step(shop, CONSUMER)
    assert (moved["moved"], lines(shop, 1)) == (1, 1)
    eventually(lambda: state(shop, CONSUMER)["queues"]["order"] == 2)

    # and a step of more than there are moves what there is
    assert step(shop, CONSUMER, 10)["moved"] == 2
    assert lines(shop, 1) == 3

    # and a step where nothing is moves nothing
    assert step(shop, CONSUMER)["moved"] == 0


def test_resuming_drains_what_has_gathered(shop: Shop) -> None:
    # Given relay and consumer paused, with orders before each
    set_mode(shop, CONSUMER, "paused")
    for _ in range(10):
        shop.place_order(1)
    eventually(lambda: state(shop, CONSUMER)["queues"]["order"] == 10)
    set_mode(shop, RELAY, "paused")
    for _ in range(10):
        shop.place_order(1)

    # When the relay is resumed
    set_mode(shop, RELAY, "running")
    # Then the outbox is empty and everything in the queue
    eventually(
        lambda: (state(shop, RELAY)["outbox"], state(shop, CONSUMER)["queues"]["order"]) == (0, 20)
    )

    # When the consumer is resumed, too
    set_mode(shop, CONSUMER, "running")
    # Then everything is on the invoice, each once
    eventually(lambda: state(shop, CONSUMER)["queues"]["order"] == 0)
    eventually(lambda: lines(shop, 1) == 20)


def test_steps_move_events_in_the_order_of_the_log(shared_shop: Shop) -> None:
    set_mode(shared_shop, RELAY, "paused")
    for number in range(1, 4):
        shared_shop.place_order(888_001, what=f"number {number}")
    for number in range(1, 4):
        assert step(shared_shop, RELAY)["moved"] == 1
        eventually(lambda number=number: lines(shared_shop, 888_001) == number)
        [invoice] = shared_shop.get("invoice-service", "/users/888001/invoices").json()
        assert invoice["orders"][-1]["description"] == f"number {number}"


@BOTH
def test_the_state_says_what_there_is_to_know(shared_shop: Shop, control: Control) -> None:
    known = state(shared_shop, control)
    assert (known["mode"], known["trouble"]) == ("running", None)
    if control == RELAY:
        assert known.keys() == {"mode", "leading", "trouble", "outbox", "published"}
        assert (known["leading"], type(known["outbox"])) == (True, int)
    else:
        assert known.keys() == {"mode", "trouble", "counts", "queues", "latency"}
        assert known["queues"].keys() == {"user", "account", "order"}
        assert all(
            type(count) is int for count in (*known["counts"].values(), *known["queues"].values())
        )


@BOTH
def test_a_step_while_it_runs_is_a_conflict(shared_shop: Shop, control: Control) -> None:
    service, path = control
    assert_problem(shared_shop.post(service, path + "/step", {"count": 1}), 409, "not-paused")


@BOTH
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"mode": "stopped"},
        {"mode": None},
        {"mode": ["paused"]},
        {"mode": "paused", "for": 5},
        [],
        None,
    ],
)
def test_a_mode_that_is_none_is_refused_and_changes_nothing(
    shared_shop: Shop, control: Control, body: Any
) -> None:
    service, path = control
    assert_problem(shared_shop.put(service, path, body), 422, "invalid-request")
    assert state(shared_shop, control)["mode"] == "running"


@BOTH
@pytest.mark.parametrize("count", [0, -1, 10_001, 1.5, 1.0, "1", True, None, [1]])
def test_a_count_that_is_none_is_refused(shared_shop: Shop, control: Control, count: Any) -> None:
    service, path = control
    set_mode(shared_shop, control, "paused")
    assert_problem(
        shared_shop.post(service, path + "/step", {"count": count}), 422, "invalid-request"
    )


@BOTH
def test_pausing_twice_and_resuming_twice_does_no_harm(shared_shop: Shop, control: Control) -> None:
    for mode in ("paused", "paused", "running", "running"):
        set_mode(shared_shop, control, mode)
    event_id = shared_shop.place_order(888_002).headers["x-event-id"]
    assert shared_shop.invoice(888_002, after_event=event_id, wait=15).status_code == 200


def test_a_step_without_a_body_is_a_step_of_one(shared_shop: Shop) -> None:
    set_mode(shared_shop, RELAY, "paused")
    for _ in range(2):
        shared_shop.place_order(888_003)
    url, headers = (
        shared_shop.urls["order-service"] + "/relay/step",
        {"Content-Type": "application/json"},
    )
    answer = shared_shop.client.post(url, headers=headers)
    assert (answer.status_code, answer.json()["moved"], answer.json()["outbox"]) == (200, 1, 1)


def test_steps_at_once_move_as_many_as_they_say_together(shared_shop: Shop) -> None:
    # Given ten events before a paused relay
    set_mode(shared_shop, RELAY, "paused")
    for _ in range(10):
        shared_shop.place_order(888_004)

    # When five steps of one and two of two are asked for at the same moment
    with ThreadPoolExecutor(7) as pool:
        moved = list(
            pool.map(lambda count: step(shared_shop, RELAY, count)["moved"], [1, 1, 1, 1, 1, 2, 2])
        )

    # Then each moved what it was asked for, and nine have gone
    assert moved == [1, 1, 1, 1, 1, 2, 2]
    assert state(shared_shop, RELAY)["outbox"] == 1


def test_one_services_relay_is_paused_alone(shared_shop: Shop) -> None:
    set_mode(shared_shop, RELAY, "paused")
    assert state(shared_shop, ("user-service", "/relay"))["mode"] == "running"


def test_a_paused_service_is_well(shared_shop: Shop) -> None:
    for control in (RELAY, CONSUMER):
        set_mode(shared_shop, control, "paused")
        assert shared_shop.get(control[0], "/healthcheck").status_code == 200


def test_every_copy_of_a_service_can_be_paused_also_one_that_waits_for_the_lead(shop: Shop) -> None:
    # Given two copies of a service, one of which relays
    with shop.running("order-service") as other:
        copies = (shop.urls["order-service"], other)
        eventually(
            lambda: sum(shop.client.get(f"{copy}/relay").json()["leading"] for copy in copies) == 1
        )

        # When both are paused
        answers = [shop.client.put(f"{copy}/relay", json={"mode": "paused"}) for copy in copies]

        # Then both rest, and events wait; resumed, they are on the invoice
        assert [answer.status_code for answer in answers] == [200, 200]
        shop.place_order(1)
        assert shop.invoice(1).status_code == 404
        for copy in copies:
            shop.client.put(f"{copy}/relay", json={"mode": "running"})
        eventually(lambda: shop.invoice(1).status_code == 200)
