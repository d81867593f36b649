"""The quiz of a chapter, clicked on as in JupyterLab, beside a server that keeps files."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from cqrs_demo.tooling.workshop.quiz import quiz, quizzes

CONFIG = '<script id="jupyter-config-data" type="application/json">{"baseUrl": "/me/"}</script>'
FILE = "http://lab.test/me/api/contents/notebooks/progress.json"


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """JupyterLab's page of notebook 03, with its quiz in it."""
    page = chromium.new_page()
    page.route("**/*", lambda route: route.fulfill(body="", content_type="text/html"))
    page.goto("http://lab.test/me/lab/tree/notebooks/03_create_order.ipynb")
    page.evaluate("document.cookie = '_xsrf=a-token; path=/me/'")
    page.set_content(CONFIG + quiz("03")._repr_mimebundle_()["text/html"])
    yield page
    page.close()


def answer(page: Page, letters: str) -> None:
    for question, letter in zip(quizzes()["03"], letters, strict=True):
        box = page.locator(f"[data-question='{question.name}']")
        box.locator(f"button[value={letter}]").click()


def test_a_quiz_that_is_answered_is_kept_beside_the_notebook(page: Page) -> None:
    # Given a server that has something in the file already
    written = []

    def contents(route: Route) -> None:
        if route.request.method == "PUT":
            written.append((route.request.headers["x-xsrftoken"], route.request.post_data_json))
        kept = {"content": json.dumps({"exercises": ["03.1"], "quizzes": {"00": 3}})}
        route.fulfill(json=kept)

    page.route(FILE, contents)

    # When its three questions are answered, one of them wrongly
    answer(page, "cac")

    # Then each answer is told with its reason, and the first try counts
    expect(page.locator("[data-quiz]")).to_contain_text("✘ You said: in a queue only. It is:")
    expect(page.locator("[data-score]")).to_have_text(
        "2 of 3 at the first try. It is kept in progress.json."
    )

    # And it was added to what the server had
    [(token, body)] = written
    assert token == "a-token"
    assert (body["type"], body["format"]) == ("file", "text")
    assert json.loads(body["content"]) == {
        "exercises": ["03.1"],
        "quizzes": {"00": 3, "03": 2},
    }


def test_a_quiz_that_cannot_be_kept_says_how_it_can(page: Page) -> None:
    # Given a server that writes nothing
    page.route(FILE, lambda route: route.fulfill(status=403, json={}))

    # When the quiz is answered
    answer(page, "bac")

    # Then the answers are there all the same, and a line of code that keeps them
    expect(page.locator("[data-score]")).to_have_text(
        '3 of 3 at the first try. It could not be kept from here: quiz("03", "bac") keeps it.'
    )
