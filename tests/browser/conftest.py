"""Dashboards for the tests: pages run without a browser against services in this process, and whole
systems in Chromium.

Streamlit puts the dashboard's folder first on the path; so it is here.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import streamlit as st
from playwright.sync_api import Browser, Page, expect, sync_playwright
from streamlit.testing.v1 import AppTest

from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from cqrs_demo.tooling.runtime.system import RunningSystem
from tests.e2e.systems import Up, cqrs_demo
from tests.fixtures.shared_shop import fresh_email
from tests.fixtures.shop import PREFIXES, Shop, running_shop

DASHBOARD = Path(__file__).parents[2] / "dashboard"
sys.path.insert(0, str(DASHBOARD))

import strip  # noqa: E402, F401  # for the tests
from break_it import proof  # noqa: E402, F401  # for the tests
from invoices import one_invoice  # noqa: E402, F401  # for the tests
from stage import cards  # noqa: E402, F401  # for the tests
from system import (  # noqa: E402  # found once its folder is on the path
    faults,  # noqa: F401  # for the tests
    fetch,  # noqa: F401  # for the tests
    known,  # noqa: F401  # for the tests
    pulse,
    reach,
    sample,  # noqa: F401  # for the tests
    stores,  # noqa: F401  # for the tests
    tally,  # noqa: F401  # for the tests
)

PAGES = (
    "shop",
    "invoices",
    "stage",
    "saga",
    "stores",
    "replay",
    "break_it",
    "hazards",
    "dead_letters",
)
LAUNCH = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


expect.set_options(
    timeout=30_000
)  # milliseconds; it looks again and again, so a quick machine does not wait


@contextmanager
def shown(shop: Shop, environment: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The dashboard finds this shop, as it does in containers: by its environment."""
    for service, url in shop.urls.items():
        name = service.removesuffix("-service").upper()
        environment.setenv(f"CQRS_{name}_SERVICE_URL", url.removesuffix(PREFIXES[service]))
        environment.setenv(f"CQRS_{name}_DB", shop.databases.dsn[service.replace("-", "_")])
    environment.setenv("CQRS_BROKER_URL", shop.broker_url)
    forget()
    yield shop
    forget()


def forget() -> None:
    """What the dashboard's process remembers of the last system."""
    pulse.pulse().close()
    st.cache_resource.clear()
    reach.close()


@pytest.fixture
def empty_shop(migrated: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Three services on PGMQ with nothing in them."""
    with running_shop(migrated) as shop, shown(shop, monkeypatch):
        yield shop


@pytest.fixture(scope="module")
def open_shop(migrated: EmbeddedPostgres) -> Iterator[Shop]:
    with running_shop(migrated) as shop:
        yield shop


@pytest.fixture
def busy_shop(open_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """One shop for the whole module; whoever stops something in it starts it again. See also
    `alice`."""
    with shown(open_shop, monkeypatch):
        yield open_shop


@pytest.fixture
def alice(busy_shop: Shop) -> int:
    """The id of the newest customer, whom the pages show first. She has an address and two orders
    of April 2025, projected."""
    user: int = busy_shop.create_user("Alice", fresh_email()).json()["id"]
    busy_shop.create_account(user)
    busy_shop.place_order(user, 50, "2025-04-03T10:00:00Z", "Widget")
    event = busy_shop.place_order(user, 25.5, "2025-04-05T10:00:00Z", "Gadget").headers[
        "x-event-id"
    ]
    assert busy_shop.invoice(user, after_event=event, wait=10).status_code == 200
    return user


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    """A page of the dashboard as a session sees it, through app.py with its navigation. What is
    named besides stands in the address."""

    def opened(name: str, **address: str) -> AppTest:
        app = AppTest.from_file(str(DASHBOARD / "app.py"), default_timeout=20)
        for choice, written in address.items():
            app.query_params[choice] = written
        if name != "shop":
            app.switch_page(f"views/{name}.py")
        return app.run()

    return opened


def words_of(app: AppTest) -> str:
    """All that a person can read on the page."""
    kinds = (
        "html",
        "markdown",
        "caption",
        "warning",
        "error",
        "info",
        "success",
        "subheader",
        "code",
        "metric",
    )
    said = [element for kind in kinds for element in app.get(kind)]
    return "\n".join(
        str(getattr(element, "value", None) or getattr(element, "body", "")) for element in said
    )


# Chromium


@pytest.fixture(
    scope="module"
    # and no longer: while Playwright is up, its event loop counts as running, and no test can run
    # another
)
def chromium() -> Iterator[Browser]:
    path = next(
        (
            found
            for name in ("chromium", "chromium-browser", "google-chrome")
            if (found := shutil.which(name))
        ),
        None,
    )
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is not installed, and CI is where these tests must run")
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=LAUNCH)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A whole system with its dashboard, as `cqrs-demo up` starts it."""
    one = Up(tmp_path_factory.mktemp("dashboard") / "data", "--dashboard")
    try:
        one.ready()
        yield one
    finally:
        cqrs_demo("down", "--data-dir", one.folder)
        one.process.wait(timeout=20)


@pytest.fixture(scope="module")
def system(started: Up) -> RunningSystem:
    return started.ready()


@pytest.fixture
def visit(chromium: Browser, system: RunningSystem) -> Iterator[Callable[..., Page]]:
    """Opens a page in a browser of its own. Fails when the page ever shows a traceback."""
    assert system.dashboard is not None
    url, contexts = system.dashboard.url, []

    def opened(path: str = "", **options: object) -> Page:
        context = chromium.new_context(
            **{
                "viewport": {"width": 1280, "height": 720},
                "timezone_id": "Europe/Berlin",
                **options,
            }
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(f"{url}/{path}")
        page.locator(".strip").wait_for()
        return page

    yield opened
    for context in contexts:
        for page in context.pages:
            assert page.locator("[data-testid=stException]").count() == 0
        context.close()


def eventually(holds: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        time.sleep(0.1)
