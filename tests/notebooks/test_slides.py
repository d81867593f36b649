"""Slides of a chapter: one file, from the tagged cells, that asks no network for anything."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cqrs_demo.tooling.cli import app


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The slides of chapter 03, as one reads them from the file."""
    folder = tmp_path_factory.mktemp("slides")
    done = CliRunner().invoke(app, ["slides", "03", "--to", str(folder)])
    assert done.exit_code == 0, done.output
    assert str(folder / "03_create_order.slides.html") in done.output.replace("\n", "")
    return (folder / "03_create_order.slides.html").read_text(encoding="utf-8")


class Fetched(HTMLParser):
    """What a browser would fetch for the page."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = dict(attributes)
        url = told.get("src") or (told.get("href") if tag == "link" else None)
        if url and not url.startswith("data:"):
            self.urls.append(url)


def test_the_slides_are_the_stations_of_the_chapter(page: str) -> None:
    # Then the incident, the questions, what fails, the code, the limits and the quiz are there
    assert page.count("<section") == 2 * len(re.findall(r"<section[^>]*>\s*<section", page)) >= 14
    for said in ("The incident:", "Is the order accepted?", "404", "async def _publish"):
        assert said in page
    assert "When not to use it" in page
    assert 'data-quiz="03"' in page

    # And what only a learner needs is not
    assert "Stop half-way" not in page


def test_the_slides_need_no_network_and_no_other_file(page: str) -> None:
    # When a browser opens them
    fetched = Fetched()
    fetched.feed(page)

    # Then it has nothing to fetch: pictures and scripts are in the page
    assert fetched.urls == []
    assert not re.search(r"@import|url\((?!.?data:)|\bimport\(|\]\(\.\./", page)
    assert "data:image/svg+xml;base64," in page


def test_a_chapter_that_there_is_not_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["slides", "17", "--to", str(tmp_path)])
    assert done.exit_code == 2
    assert "there is no chapter '17'" in done.output
