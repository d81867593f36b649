"""What the pages look like: whether their text can be read; and as files, into the folder that
CQRS_SCREENSHOTS names (`make screenshots`), else thrown away."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.systems import Up, cqrs_demo

Visit = Callable[..., Page]
Shoot = Callable[[Page, str], None]

PAGES = ("Shop", "Invoices", "Stage", "Stores", "Replay", "Break it", "Hazards", "Dead letters")
FAINT_OR_SMALL = Path(__file__).with_name("faint_or_small.js").read_text(encoding="utf-8")


@pytest.fixture
def shoot(tmp_path: Path) -> Shoot:
    folder = Path(os.environ.get("CQRS_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)

    def shot(page: Page, name: str) -> None:
        file = folder / f"{name}.png"
        page.screenshot(path=file)
        assert file.stat().st_size > 20_000, "an empty page is smaller"

    return shot


@pytest.fixture(scope="module", autouse=True)
def half_a_year_of_business(started: Up) -> None:
    assert (
        cqrs_demo(
            "demo-data", "--users", "20", "--orders", "150", "--data-dir", started.folder
        ).returncode
        == 0
    )


def test_the_shop_after_an_order(visit: Visit, shoot: Shoot) -> None:
    # Given a customer with some orders, when one more is placed, then it is lit up, and its journey
    # told
    page = visit("")
    page.get_by_role("button", name="Random customer").click()
    expect(page.locator(".journey")).to_contain_text("Customer")
    page.get_by_role("button", name="Place 50 orders").click()
    expect(page.get_by_role("region", name="Invoice")).to_contain_text("50 orders")
    expect(page.locator("tr.fresh")).to_have_count(0)
    page.get_by_role("button", name="Place order", exact=False).first.click()
    expect(page.locator("tr.fresh")).to_have_count(1)
    expect(page.locator(".journey")).to_contain_text("Order")
    # of the customer just made, and not of the one whom the page showed before
    expect(page.get_by_role("region", name="Invoice")).to_contain_text(
        re.compile(r"\.[0-9a-f]{8}@demo\.com")
    )
    shoot(page, "shop")


def test_the_stage_with_a_paused_consumer(visit: Visit, shoot: Shoot) -> None:
    # Given a paused consumer, when orders are placed, then they are seen to wait
    page = visit("stage", color_scheme="dark")
    page.get_by_role("button", name="Pause consumer").click()
    for count in ("1 event on", "2 events on", "3 events on"):
        page.locator("button.main:enabled").click()
        expect(page.locator(".strip")).to_contain_text(count)
    page.mouse.move(640, 20)
    shoot(page, "stage-dark")
    page.get_by_role("button", name="Resume consumer").click()
    expect(page.locator(".strip")).to_contain_text("everything is projected")


@pytest.mark.parametrize(
    ("path", "name", "shows"),
    [("invoices", "invoices", "As of"), ("break_it", "break-it", "accepted = invoiced")],
)
def test_the_other_pages(visit: Visit, shoot: Shoot, path: str, name: str, shows: str) -> None:
    # Given half a year of business, when a page is opened, then it is drawn
    page = visit(path)
    expect(page.get_by_text(shows).first).to_be_visible()
    page.wait_for_load_state("networkidle")
    shoot(page, name)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_on_every_page(visit: Visit, scheme: str) -> None:
    # Given a theme; when each page is opened, then its text has a contrast of 4.5 at least, and
    # 13 px
    page = visit(color_scheme=scheme)
    for name in PAGES:
        page.get_by_role("link", name=name, exact=False).first.click()
        expect(page.locator('[class*="st-key-here_"]')).to_contain_text(name)
        page.wait_for_load_state("networkidle")
        assert page.evaluate(FAINT_OR_SMALL) == [], name
