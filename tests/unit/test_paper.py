"""An invoice to take away: nothing is cut off, each sheet says what it is, and so does one of an
earlier moment."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[2] / "dashboard"))  # its modules import each other so

import words  # type: ignore[import-not-found]
from invoices import pdf  # type: ignore[import-not-found]
from invoices.paper import as_csv, as_page, file_name  # type: ignore[import-not-found]

MOMENT = datetime(2025, 6, 7, 8, 9, 10, 123456, UTC)


@pytest.fixture(autouse=True)
def no_viewer() -> Iterator[None]:
    with words.in_zone(UTC):
        yield


def invoice(lines: int = 1, what: str = "Widget") -> dict[str, Any]:
    line = {"purchase_dt": "2025-06-03T10:00:00Z", "description": what, "amount": Decimal("5.00")}
    return {
        "invoice_id": "48865c8a-0000-5000-8000-000000000000",
        "user_id": 1,
        "email": "alice@demo.com",
        "shipping_address": None,
        "invoice_dt": "2025-06-01T00:00:00Z",
        "orders": [line] * lines,
        "total": 5 * lines,
    }


def test_a_printed_page_repeats_its_columns_and_is_numbered() -> None:
    page = as_page(invoice(), "Alice")
    assert "<thead><tr><th>Bought</th>" in page
    assert "thead { display: table-header-group; }" in page
    assert 'content: "page " counter(page) " of " counter(pages)' in page


def test_every_sheet_of_a_pdf_has_the_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an invoice of many lines, some of them too long for one row
    drawn: list[int] = []
    columns = pdf._Paper._columns
    monkeypatch.setattr(
        pdf._Paper, "_columns", lambda self: (drawn.append(self.page_no()), columns(self))
    )

    # When it becomes a PDF
    made = pdf.as_pdf(invoice(120, "Nail " * 50), "Alice")

    # Then each of its pages begins with the columns
    pages = made.count(b"/Type /Page\n")
    assert pages > 5
    assert drawn == list(range(1, pages + 1))


@pytest.mark.parametrize(
    ("what", "lacks"), [("Čaj, 1 kg · 5 €", False), ("Ελιές", False), ("Чай", False), ("茶", True)]
)
def test_a_pdf_says_when_it_lacks_letters(
    monkeypatch: pytest.MonkeyPatch, what: str, lacks: bool
) -> None:
    noted: list[str] = []
    monkeypatch.setattr(pdf._Paper, "note", lambda _, text: noted.append(text))
    pdf.as_pdf(invoice(1, what), "Alice")
    assert noted == ([pdf.LACKING] if lacks else [])


def test_what_is_taken_away_of_an_earlier_moment_is_marked() -> None:
    assert "as of 2025-06-07 08:09:10.123 UTC" in as_page(invoice(), "Alice", MOMENT)
    assert as_csv(invoice(), MOMENT).splitlines()[1].endswith(",2025-06-07T08:09:10.123456+00:00")
    assert file_name(1, (2025, 6), MOMENT) == "invoice-1-2025-06-as-of-20250607T080910.123456Z"
    assert "as of" not in as_page(invoice(), "Alice")
    assert file_name(1, (2025, 6), None) == "invoice-1-2025-06"
