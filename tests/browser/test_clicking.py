"""The dashboard in a real browser, over a real system: what a person does in the first minutes."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from cqrs_demo.client.client import Client
from cqrs_demo.client.health import is_healthy
from cqrs_demo.tooling.runtime.system import RunningSystem
from tests.browser.conftest import eventually
from tests.e2e.systems import Up, dashboard_alone

Visit = Callable[..., Page]

PAST = """
insert into demo.events (id, type, subject, data)
select uuidv7(), 'order.created', n::text, jsonb_build_object(
    'id', n, 'user_id', 900000 + n %% 500, 'description', 'From the past', 'amount', 1.00,
        'purchase_dt', '2024-01-01T00:00:00Z')
from generate_series(1000000, 1000000 + %s) as n
"""


def click(page: Page, label: str) -> None:
    page.get_by_role("button", name=label, exact=False).first.click()


def new_customer(page: Page) -> None:
    """Returns when the page has drawn them: a click before that is on the form as it was."""
    click(page, "Random customer")
    expect(page.locator(".journey")).to_contain_text("Customer")
    page.get_by_role("button", name="Place order").wait_for()


def test_an_order_appears_on_the_invoice_by_itself(visit: Visit) -> None:
    # Given a customer made by typing, with an address
    page = visit()
    page.get_by_text("or type one in").or_(
        page.get_by_role("tab", name="New customer")
    ).first.click()
    page.get_by_label("Name").fill("Grace Hopper")
    page.get_by_label("Email").fill("grace@demo.com")
    click(page, "Create customer")
    page.get_by_role("tab", name="Address").click()
    for label, value in (
        ("Street", "1 Navy Way"),
        ("City", "Arlington"),
        ("State", "VA"),
        ("Zip", "22201"),
    ):
        page.get_by_label(label, exact=True).fill(value)
    click(page, "Save address")

    # When an order is placed by clicking
    page.get_by_role("tab", name="Order", exact=True).click()
    page.get_by_label("What").fill("Nanosecond of wire")
    click(page, "Place order")

    # Then its line is there, with name and address, and how long it took
    invoice = page.get_by_role("region", name="Invoice")
    expect(invoice).to_contain_text("Nanosecond of wire")
    expect(invoice).to_contain_text("1 Navy Way, Arlington, VA 22201")
    expect(page.locator(".journey")).to_contain_text("visible after")

    # And somebody who looks on from elsewhere sees the next one come, lit up, without a reload
    onlooker = visit()
    expect(onlooker.get_by_role("region", name="Invoice")).to_contain_text("Nanosecond of wire")
    page.get_by_label("What").fill("Second of wire")
    page.keyboard.press("Tab")
    click(page, "Place order")
    expect(onlooker.locator("tr.fresh")).to_contain_text("Second of wire")


def test_a_double_click_places_one_order(visit: Visit) -> None:
    # Given a new customer; when the button is clicked twice, as quickly as a hand can
    page = visit()
    new_customer(page)
    page.get_by_role("button", name="Place order").dblclick()

    # Then there is one order
    expect(page.locator(".journey")).to_contain_text("visible after")
    expect(page.get_by_role("region", name="Invoice")).to_contain_text("1 order")


@pytest.fixture
def api(system: RunningSystem) -> Iterator[Client]:
    with closing(Client(system.place)) as client:
        yield client


def test_an_order_clicked_while_a_customer_is_being_made_is_theirs(
    visit: Visit, system: RunningSystem, api: Client
) -> None:
    # Given a customer, and a user-service that takes its time
    page = visit()
    new_customer(page)
    slow = psutil.Process(system.services["user-service"].pid)
    slow.suspend()
    try:
        # When an order is clicked before the next customer is there
        click(page, "Random customer")
        click(page, "Place order")
    finally:
        slow.resume()

    # Then it is an order of the new one
    expect(page.locator(".journey")).to_contain_text("Order")
    newest = api.users(limit=1)[0]["id"]
    assert api.newest_events("order-service")[-1]["data"]["user_id"] == newest


def test_a_click_counts_once_when_the_page_is_drawn_in_that_very_instant(
    visit: Visit, api: Client
) -> None:
    # Given a page on which a click waits for its turn, longer than from one drawing to the next
    page = visit("break_it")
    page.evaluate(
        "window.setTimeout = (later => (what, wait) => later(what, wait || 2500))(setTimeout)"
    )

    # When a broken message is sent, and another message after it
    click(page, "Send a broken message")
    page.wait_for_function("new Promise(sent => setTimeout(sent, 0))")
    click(page, "Send the last event again")
    eventually(lambda: api.consumer()["counts"]["duplicate"] == 1)

    # Then it was sent once
    letters = api.dead_letters(status="waiting")
    assert len(letters) == 1
    api.settle_dead_letters("discard", {"ids": [letters[0]["id"]]})


def test_a_click_on_a_row_opens_the_invoice_and_a_link_to_it_can_be_sent(visit: Visit) -> None:
    # Given two invoices
    page = visit()
    for _ in range(2):
        new_customer(page)
        click(page, "Place order")
        expect(page.get_by_role("region", name="Invoice")).to_contain_text("1 order")

    # When the second row is clicked, on its month
    page.get_by_role("link", name="Invoices").click()
    table = page.get_by_test_id("stDataFrame")
    table.click(position={"x": 250, "y": 36 * 2.5})

    # Then its invoice is opened, and the address names it
    page.wait_for_url("**/invoices?invoice=*")
    number = page.locator(".invoice .quiet").first.inner_text()
    page.reload()
    expect(page.locator(".invoice .quiet").first).to_have_text(number)
    expect(visit(page.url.rpartition("/")[2]).locator(".invoice .quiet").first).to_have_text(number)


def test_on_a_phone_the_new_line_is_in_sight_and_pages_are_one_click_away(visit: Visit) -> None:
    # Given a phone
    page = visit(viewport={"width": 390, "height": 844})
    new_customer(page)

    # When an order is placed, then its line can be seen without scrolling
    click(page, "Place order")
    expect(page.locator(".arrived")).to_contain_text("Coffee beans")
    expect(page.locator(".arrived")).to_be_in_viewport()

    # And another page is there with one click, with nothing before it
    page.get_by_role("link", name="Replay").click()
    expect(page.get_by_text("2 · Verify")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_presenters_switch_stays_over_pages_and_in_the_address(visit: Visit) -> None:
    # Given a projector
    page = visit("?presenter=1", viewport={"width": 1920, "height": 1080})
    size = "getComputedStyle(document.documentElement).fontSize"
    assert page.evaluate(size) == "18px"

    # When another page is opened, then it is as large, and takes the width
    page.get_by_role("link", name="Replay").click()
    expect(page.get_by_text("2 · Verify")).to_be_visible()
    page.wait_for_url("**/replay?presenter=1")
    assert page.evaluate(size) == "18px"
    assert page.locator(".strip").bounding_box()["width"] > 1800  # type: ignore[index]


def test_a_paused_consumer_lets_events_wait_and_a_step_moves_one(visit: Visit) -> None:
    # Given a paused consumer
    page = visit()
    new_customer(page)
    page.get_by_role("link", name="Stage").first.click()
    click(page, "Pause consumer")
    expect(page.get_by_role("button", name="Resume consumer")).to_be_visible()

    # When two orders are placed, then they wait, and the lag shows
    for count in ("1 event on", "2 events on"):  # one after the other: a double click is one click
        page.locator("button.main:enabled").click()
        expect(page.locator(".strip")).to_contain_text(count)
    expect(page.locator(".strip")).to_contain_text("consumer paused")
    expect(page.locator('.card.paused[data-card="consumer"]')).to_be_visible()

    # When one step is made, then one is left
    page.get_by_role("button", name="Step consumer").click()
    expect(page.locator(".strip")).to_contain_text("1 event on the way")

    # And all is well once the consumer goes on
    click(page, "Resume consumer")
    expect(page.locator(".strip")).to_contain_text("everything is projected")


def test_a_killed_service_and_a_stopped_broker_lose_nothing(visit: Visit, started: Up) -> None:
    # Given orders that keep coming
    first = started.ready().services["order-service"].pid
    page = visit()
    new_customer(page)
    page.get_by_role("link", name="Break it").first.click()
    click(page, "Send 20 orders a second")

    # When order-service is killed, then the page says so, and another one comes up by itself
    click(page, "Kill it")
    expect(
        page.locator(".happening.now", has_text=re.compile("being started|up for"))
    ).to_be_visible()
    eventually(lambda: started.ready().services["order-service"].pid not in (None, first))
    expect(page.locator(".strip")).not_to_contain_text("is down")

    # When the broker is stopped, then the events stay in the outbox
    click(page, "Stop PGMQ")
    expect(page.locator(".happening.now", has_text="in the outbox")).to_be_visible()

    # And in the end, with the broker back, accepted is invoiced
    click(page, "Start it again")
    click(page, "Stop the orders")
    expect(page.locator(".proof.same")).to_contain_text("accepted = invoiced", timeout=30_000)


def test_a_dead_letter_is_looked_at_and_retried(visit: Visit) -> None:
    # Given a broken message
    page = visit("break_it")
    click(page, "Send a broken message")
    expect(page.locator(".strip")).to_contain_text("1 dead letter")

    # When it is looked at and retried, then it fails again, and says so
    page.get_by_role("link", name="Dead letters").first.click()
    expect(page.get_by_text('"a lot"')).to_be_visible()
    click(page, "Retry this one")
    expect(page.get_by_text("failed again")).to_be_visible()

    # And given up, it waits no more
    click(page, "Discard this one")
    expect(page.get_by_text("No dead letter waits")).to_be_visible()


def test_a_replay_shows_its_progress(visit: Visit, system: RunningSystem) -> None:
    # Given a log with a past that no read model has seen
    past = 20_000
    with psycopg.connect(system.databases["order_service"]) as connection:
        connection.execute(PAST, [past - 1])

    # When everything is replayed
    page = visit("replay")
    click(page, "Replay everything")

    # Then a bar grows, and in the end all is there
    page.get_by_role("progressbar").wait_for()
    expect(page.get_by_text("events replayed in")).to_be_visible(timeout=60_000)
    with psycopg.connect(system.databases["invoice_service"]) as connection:
        lines: Any = connection.execute(
            "select count(*) from demo.invoice_lines where description = 'From the past'"
        ).fetchone()
    assert lines[0] == past


def test_the_pages_work_in_both_themes_and_on_a_phone(visit: Visit) -> None:
    # Given a browser in the dark, on a phone, when each page is opened, then nothing is wider than
    # the screen
    for name in ("", "invoices", "stage", "break_it", "dead_letters", "replay"):
        page = visit(name, viewport={"width": 390, "height": 844}, color_scheme="dark")
        eventually(
            lambda page=page: page.locator("[data-testid=stMain]").evaluate(
                "e => e.scrollWidth <= e.clientWidth"
            )
        )
        assert (
            page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
            == "rgb(17, 20, 29)"
        )
        page.close()


def test_a_frozen_service_thaws_by_hand(visit: Visit, system: RunningSystem) -> None:
    # Given a frozen invoice-service
    page = visit("break_it")
    click(page, "Freeze it")
    expect(page.locator(".strip")).to_contain_text("invoice-service is down")

    # When it is thawed, then it answers again
    click(page, "Thaw it")
    expect(page.locator(".strip")).not_to_contain_text("is down")
    assert is_healthy(system.url("invoice-service") + "/healthcheck")


def test_an_order_that_needs_credit_is_drawn_in_three_lanes(visit: Visit) -> None:
    # Given the page Saga on a phone, when an order is placed that needs credit
    page = visit("saga", viewport={"width": 390, "height": 844})
    click(page, "Order for $1,200")

    # Then its moments come by themselves, and the credit's bar fills
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline).to_contain_text("a line of $1,200.00")
    expect(page.get_by_role("meter", name="Credit reserved")).to_have_attribute(
        "aria-valuenow", re.compile("^1200")
    )

    # And when it is cancelled, the bar empties
    click(page, "Cancel this order")
    expect(timeline).to_contain_text("the line is gone")
    expect(page.get_by_role("meter", name="Credit reserved")).to_have_attribute(
        "aria-valuenow", re.compile("^0")
    )


def test_a_page_that_could_not_be_drawn_is_drawn_by_itself_later(
    chromium: Browser, system: RunningSystem, started: Up, tmp_path: Path
) -> None:
    # Given a dashboard that has never heard of user-service, as it is frozen
    user_service = psutil.Process(system.services["user-service"].pid)
    user_service.suspend()
    try:
        with dashboard_alone(started.folder, tmp_path / "said") as port:
            page = chromium.new_page()
            page.goto(f"http://127.0.0.1:{port}/")
            expect(page.get_by_role("main")).to_contain_text("user-service: does not answer")

            # When it thaws, then the page is drawn, and nobody has to load it again
            user_service.resume()
            shop = page.get_by_role("tab", name="New customer").or_(page.get_by_text("or type one"))
            expect(shop.first).to_be_visible()
            page.close()
    finally:
        user_service.resume()
