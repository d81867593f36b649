"""The Stage in a real browser: the script's own rules, and events that move over a real system."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DASHBOARD, eventually, forget
from tests.e2e.systems import Up

from tour import crash as tour_crash  # isort: skip  # found once its folder is on the path

Visit = Callable[..., Page]

SCRIPT = (DASHBOARD / "stage" / "flow.js").read_text(encoding="utf-8")
FRAMES_DRAWN = """layer => new Promise(done => {
    let drawn = 0;
    const look = new MutationObserver(() => drawn++);
    look.observe(layer, { subtree: true, attributes: true, attributeFilter: ["style"] });
    requestAnimationFrame(() => requestAnimationFrame(() => done(drawn)));
})"""
"""In two frames."""
SEEN = """stage => {
    stage.seen = new Set();
    const note = changes => changes.forEach(one => stage.seen.add(one.target.dataset.at));
    const look = new MutationObserver(note);
    look.observe(stage, { subtree: true, attributes: true, attributeFilter: ["data-at"] });
}"""
WAY = '[["order-service", 0], ["order outbox", 0], ["order", 0.01], ["inbox", 40]]'


# The script


@pytest.fixture(scope="module")
def script(chromium: Browser) -> Iterator[Callable[[str], Any]]:
    """What an expression of the script's functions comes to, in the browser."""
    page = chromium.new_page()
    address = "data:text/javascript;base64," + base64.b64encode(SCRIPT.encode()).decode()
    page.evaluate("async from => { window.script = await import(from) }", address)
    names = "stretched, arrivals, inCommon, whereabouts, slot, along, pipe, TRAVEL, LONGEST"

    def value(expression: str) -> Any:
        return page.evaluate(f"(() => {{ const {{ {names} }} = window.script; {expression} }})()")

    yield value
    page.close()


def test_a_hop_is_drawn_out_up_to_a_limit_and_never_shortened(script: Any) -> None:
    assert script("return [stretched(0.01, 60), stretched(-1, 60)]") == [600, 0]
    assert script("return stretched(1, 200) === LONGEST")
    assert script("return [stretched(40, 200), stretched(40, 1)]") == [40_000, 40_000]


def test_a_dot_comes_to_each_station_at_the_stretched_time(script: Any) -> None:
    times = script(f"return arrivals({WAY}, [5000], 100, 5000)")
    assert times == [5000, 5650, 6650, 46_640]


def test_what_is_learned_late_is_shown_from_now_on_and_what_was_shown_stays(script: Any) -> None:
    times = script(f"return arrivals({WAY}, [0, 650], 100, 9000)")
    assert times == [0, 650, 9650, 49_640]


def test_only_what_follows_the_common_beginning_of_two_ways_is_shown_anew(script: Any) -> None:
    assert script(f"return inCommon({WAY}, [['order-service', 0], ['inbox', 0]])") == 1
    assert script(f"return inCommon({WAY}, {WAY})") == 4


def test_a_dot_waits_at_its_station_and_then_travels_to_the_next(script: Any) -> None:
    where = "return [0, 999, 1350, 1675, 2000, 9999].map((now) => whereabouts([0, 2000], now))"
    assert script(where) == [
        {"at": 0, "progress": 0},
        {"at": 0, "progress": 0},
        {"at": 0, "progress": 0},
        {"at": 0, "progress": 0.5},
        {"at": 1, "progress": 0},
        {"at": 1, "progress": 0},
    ]


def test_a_queue_fills_row_by_row_and_the_rest_stands_on_its_last_place(script: Any) -> None:
    box = "{ x: 100, y: 10, width: 40, height: 40 }"
    places = script(f"return [0, 1, 2, 3, 99].map((n) => slot({box}, n))")
    assert [(place["x"], place["y"]) for place in places] == [
        (108.5, 18.5),
        (125.5, 18.5),
        (108.5, 35.5),
        (125.5, 35.5),
        (125.5, 35.5),
    ]


def test_a_dot_follows_the_line_from_card_to_card(script: Any) -> None:
    left, right = (
        "{ left: 0, right: 10, top: 0, bottom: 40 }",
        "{ left: 30, right: 40, top: 20, bottom: 90 }",
    )
    below = "{ left: 0, right: 10, top: 60, bottom: 90 }"
    assert script(f"return pipe({left}, {right})") == [{"x": 10, "y": 30}, {"x": 30, "y": 30}]
    assert script(f"return pipe({left}, {below})") == [{"x": 5, "y": 40}, {"x": 5, "y": 60}]
    assert script(f"return pipe({below}, {left})") == [{"x": 5, "y": 60}, {"x": 5, "y": 40}]
    corner = "[{ x: 0, y: 0 }, { x: 10, y: 0 }, { x: 10, y: 30 }]"
    assert script(f"return [0, 0.25, 0.5, 1].map((part) => along({corner}, part))") == [
        {"x": 0, "y": 0},
        {"x": 10, "y": 0},
        {"x": 10, "y": 10},
        {"x": 10, "y": 30},
    ]


def test_what_people_have_written_never_becomes_part_of_the_page() -> None:
    assert "innerHTML" not in SCRIPT
    assert "insertAdjacentHTML" not in SCRIPT


# The page


def click(page: Page, label: str) -> None:
    page.get_by_role("button", name=label).first.click()


def place_order(page: Page) -> None:
    page.locator("button.main:enabled").click()


def dots(page: Page, place: str, kind: str = "") -> Any:
    return page.locator(f'.dot{kind}[data-at="{place}"]')


@pytest.fixture
def page(visit: Visit) -> Page:
    page = visit("stage")
    page.locator(".stage .flow").wait_for()
    return page


def test_an_order_travels_from_the_service_to_the_invoice(page: Page) -> None:
    # Given the stage, with its dots watched
    page.locator(".stage").evaluate(SEEN)

    # When an order is placed, then a dot travels, arrives, and is gone
    place_order(page)
    seen = "stage => ['under way', 'invoices'].every(place => stage.seen.has(place))"
    eventually(lambda: page.locator(".stage").evaluate(seen))
    expect(page.locator(".dot")).to_have_count(0)

    # And the rows of both sides are there, lit a moment ago
    expect(page.locator("table.rows").first).to_contain_text("orders")
    expect(page.locator("table.rows").last).to_contain_text("$")

    # And its way is told hop by hop; a click shows the SQL, the event and the HTTP exchange
    for hop, shown in (
        ("HTTP", "POST /order-service/orders"),
        ("transaction", "insert into demo.orders"),
        ("in the broker", '"specversion"'),
        ("inbox, projection", "insert into processed_events"),
    ):
        page.locator(".waterfall summary", has_text=hop).last.click()
        expect(page.locator(".waterfall pre", has_text=shown).first).to_be_visible()


def test_events_queue_where_time_is_stopped_and_move_step_by_step(page: Page, visit: Visit) -> None:
    # Given a paused consumer, and the stage as it was drawn first
    page.locator(".stage").evaluate("stage => { stage.first = true }")
    click(page, "Pause consumer")
    expect(page.locator('.card.paused[data-card="consumer"]')).to_be_visible()

    # When two orders are placed, then two dots wait in the queue of orders
    for count in (1, 2):
        place_order(page)
        expect(dots(page, "order")).to_have_count(count)

    # And somebody who comes now, and wants no motion, sees them there in a still picture
    still = visit("stage", reduced_motion="reduce")
    expect(dots(still, "order")).to_have_count(2)
    expect(still.locator('[data-value="order"]')).to_have_text("2")
    assert still.locator(".dots").evaluate(FRAMES_DRAWN) == 0

    # When one step is made, then one is left
    click(page, "Step consumer")
    expect(dots(page, "order")).to_have_count(1)

    # When the relay is paused, too, then the next one waits in the outbox of orders
    click(page, "Pause order relay")
    expect(page.get_by_role("button", name="Resume order relay")).to_be_visible()
    place_order(page)
    expect(dots(page, "order outbox")).to_have_count(1)

    # And all arrive when both go on, on the stage that was never drawn anew
    click(page, "Resume order relay")
    click(page, "Resume consumer")
    expect(page.locator(".dot")).to_have_count(0)
    assert page.locator(".stage").evaluate("stage => stage.first")


def test_a_dead_letter_falls_out_and_a_duplicate_ends_at_the_inbox(
    page: Page, visit: Visit
) -> None:
    # Given the stage, when a broken message is sent, then a dot falls out to the dead letters
    other = visit("break_it")
    click(other, "Send a broken message")
    expect(dots(page, "dead letters", ".dead")).to_have_count(1)
    expect(page.locator('[data-value="dead letters"]')).to_have_text("1")

    # When the newest order's event is sent again, then a dot arrives at the inbox and no further
    click(other, "Send the last event again")
    expect(dots(page, "gone", ".duplicate")).to_have_count(1)
    expect(page.locator(".dot")).to_have_count(0)


def test_an_event_in_hand_at_a_crash_is_seen_to_be_tried_again(
    page: Page, started: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the stage, when the consumer is killed with an order in its hand
    monkeypatch.setenv("CQRS_DATA_DIR", str(started.folder))
    forget()
    tour_crash.crash_in_hand()

    # Then the event comes back from the broker, and is tried again to its end
    expect(page.locator(".dot.retried")).to_have_count(1)
    expect(page.locator(".dot")).to_have_count(0)
    forget()
