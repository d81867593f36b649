"""Every page can be read, in both themes: each piece of text stands out from what is behind it, and
none is tiny."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.systems import Up, cqrs_demo

Visit = Callable[..., Page]

PAGES = ("Shop", "Invoices", "Under the hood", "Stores", "Replay", "Break it", "Dead letters")
FAINT_OR_SMALL = Path(__file__).with_name("faint_or_small.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module", autouse=True)
def some_business(started: Up) -> None:
    folder = started.folder
    made = cqrs_demo("demo-data", "--users", "5", "--orders", "30", "--data-dir", folder)
    assert made.returncode == 0


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
