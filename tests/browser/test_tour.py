"""The guided tour, without a browser: seven steps, each with a prediction before its button."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.browser.conftest import words_of
from tests.fixtures.shop import Shop, eventually

from tour import steps as tour_steps  # isort: skip  # found once its folder is on the path

BUYERS = "select user_id from demo.orders"

Open = Callable[..., AppTest]


def button(app: AppTest, name: str) -> Any:
    """By its name in clicks.py, or its key."""
    return next(found for found in app.button if name in named(found))


def named(button: Any) -> tuple[str, str]:
    return button.key, button.key.rpartition(" ")[0]


def labels(app: AppTest) -> list[str]:
    return [found.label for found in app.button]


@pytest.fixture
def tour(alice: int, busy_shop: Shop, open_page: Open) -> Iterator[AppTest]:
    """A tour that was just begun on the first screen. Whatever it paused goes on after the test."""
    yield button(open_page("shop"), "begin tour").click().run()
    busy_shop.put("invoice-service", "/consumer", {"mode": "running"})


def predict(tour: AppTest, number: int, option: int) -> AppTest:
    question = tour.radio(key=f"tour question {number}")
    return question.set_value(question.options[option]).run()


def mode(shop: Shop) -> str:
    return str(shop.get("invoice-service", "/consumer").json()["mode"])


def test_the_tour_begins_on_the_stage_and_asks_before_it_acts(tour: AppTest) -> None:
    # Given a tour that was just begun, then it is on the Stage, and nothing can be done yet
    assert "Tour 1 of 7" in words_of(tour)
    assert "Write side" in words_of(tour)
    assert button(tour, "tour act").disabled

    # When a prediction is made, then the button works, and the answer judges it
    predict(tour, 0, tour_steps.STEPS[0].right)
    assert not button(tour, "tour act").disabled
    button(tour, "tour act").click().run()
    assert "As you predicted" in words_of(tour)
    assert not [found for found in tour.button if "tour act" in named(found)]

    # And a wrong one is told what would have been right
    button(tour, "tour next").click().run()
    predict(tour, 1, 0)
    button(tour, "tour act").click().run()
    assert "No: they are accepted, and their events wait" in words_of(tour)


def test_each_step_does_what_it_says(tour: AppTest, busy_shop: Shop) -> None:
    for number, step in enumerate(tour_steps.STEPS):
        # When a step's button is clicked
        predict(tour, number, step.right)
        button(tour, "tour act").click().run()

        # Then it has worked, but for the crash: the processes of this shop are not ours to kill
        done = "As you predicted" in words_of(tour)
        assert done == (step.title != "Crash"), step.title
        assert ("cannot be killed from here" in words_of(tour)) == (step.title == "Crash")
        assert mode(busy_shop) == ("paused" if step.pauses else "running")
        if number + 1 < len(tour_steps.STEPS):
            button(tour, "tour next").click().run()

    # And what they have led to is there, and the tour can be finished
    counts = lambda: busy_shop.get("invoice-service", "/consumer").json()["counts"]  # noqa: E731
    eventually(lambda: counts()["duplicate"] >= 1 and counts()["dead"] >= 1)
    assert busy_shop.get("invoice-service", "/replay").json()["kind"] == "replay"
    assert "Finish" in labels(tour)


def test_whoever_leaves_in_the_middle_leaves_nothing_paused(tour: AppTest, busy_shop: Shop) -> None:
    # Given a tour that has paused the consumer
    button(tour, "tour next").click().run()
    predict(tour, 1, 0)
    button(tour, "tour act").click().run()
    assert mode(busy_shop) == "paused"

    # When it is left, then it is gone, the consumer goes on, and the Shop offers it again
    button(tour, "tour leave").click().run()
    assert "Tour 2 of 7" not in words_of(tour)
    assert mode(busy_shop) == "running"
    tour.switch_page("views/shop.py").run()
    assert "begin tour" in [found.key for found in tour.button]


def test_a_tour_goes_on_after_a_reload_and_what_it_paused_is_in_the_strip(
    tour: AppTest, busy_shop: Shop, open_page: Open
) -> None:
    # Given a tour that has paused the consumer, and stands in the address
    button(tour, "tour next").click().run()
    predict(tour, 1, 2)
    button(tour, "tour act").click().run()
    assert tour.query_params["tour"] == "2"

    # When somebody comes with that address, then they are at that step, and the pause can be healed
    again = open_page("stage", tour="2")
    assert "Tour 2 of 7" in words_of(again)
    eventually(lambda: "consumer paused" in words_of(again.run()))
    button(again, "heal").click().run()
    assert mode(busy_shop) == "running"

    # And an address that names no step begins no tour
    assert "Tour" not in words_of(open_page("stage", tour="8"))


def test_who_skips_the_pause_still_sees_one_event_pass(tour: AppTest, busy_shop: Shop) -> None:
    # Given a tour whose second step was skipped
    button(tour, "tour next").click().run()
    button(tour, "tour next").click().run()

    # When the third is done, then the consumer is paused for it, and one of three events has passed
    predict(tour, 2, 0)
    button(tour, "tour act").click().run()
    assert "As you predicted" in words_of(tour)
    assert busy_shop.get("invoice-service", "/consumer").json()["queues"]["order"] == 2

    # And the next step lets the others pass
    button(tour, "tour next").click().run()
    assert mode(busy_shop) == "running"


def test_in_an_empty_shop_the_tour_begins_with_a_customer(
    empty_shop: Shop, open_page: Open
) -> None:
    # Given a shop in which nobody has bought; when the first step is done
    app = button(open_page("shop"), "begin tour").click().run()
    predict(app, 0, 1)
    button(app, "tour act").click().run()

    # Then the order is of somebody with a name
    users = empty_shop.get("user-service", "/users").json()
    assert [order for (order,) in empty_shop.databases.rows("order_service", BUYERS)] == [
        users[0]["id"]
    ]
