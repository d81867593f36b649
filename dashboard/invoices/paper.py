"""An invoice to take away: a page that prints as it is, and a table for a spreadsheet."""

import csv
import io
import unicodedata
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import words
from receipt import as_of_words, invoice_html

FORMULA = tuple("=+-@|%")

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.4 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto;
       color: #1b2030; }}
{style}
:root {{ color-scheme: light; }}
.invoice {{ background: none !important; border: 0; padding: 0; }}
thead {{ display: table-header-group; }}
tr {{ break-inside: avoid; }}
@media print {{ body {{ max-width: none; margin: 0; }} }}
@page {{
  margin: 15mm 15mm 20mm;
  @bottom-left {{ content: "{foot}"; font: 9pt system-ui, sans-serif; }}
  @bottom-right {{ content: "page " counter(page) " of " counter(pages);
                  font: 9pt system-ui, sans-serif; }}
}}
</style>
{invoice}
</html>
"""


def as_page(invoice: dict[str, Any], name: str, as_of: datetime | None = None) -> str:
    """All of its lines, in one file that needs no other. A browser prints it, with the table's head
    and a number on every page."""
    style = (Path(__file__).parents[1] / "style.css").read_text(encoding="utf-8")
    foot = f"Invoice {str(invoice['invoice_id'])[:8]}, {words.month(invoice['invoice_dt'])}"
    return PAGE.format(
        title=escape(title(invoice, name, as_of)),
        style=style,
        foot=foot,
        invoice=invoice_html(invoice, name, shown=None, as_of=as_of),
    )


def title(invoice: dict[str, Any], name: str, as_of: datetime | None) -> str:
    marked = f", {as_of_words(as_of)}" if as_of else ""
    return f"Invoice {words.month(invoice['invoice_dt'])}, {name}{marked}"


def file_name(user_id: int, month: tuple[int, int], as_of: datetime | None) -> str:
    """Without its ending; times are UTC."""
    marked = f"-as-of-{as_of.astimezone(UTC):%Y%m%dT%H%M%S.%f}Z" if as_of else ""
    return f"invoice-{user_id}-{month[0]:04}-{month[1]:02}{marked}"


def as_csv(invoice: dict[str, Any], as_of: datetime | None = None) -> str:
    """A line per order, with the moment it is as of where that is not now. What a spreadsheet would
    take for a formula is marked as text."""
    moment = {"as_of": as_of.isoformat()} if as_of else {}
    file = io.StringIO()
    table = csv.writer(file)
    table.writerow(["purchase_dt", "description", "amount", *moment])
    for line in invoice["orders"]:
        cells = line["purchase_dt"], _as_text(line["description"]), line["amount"]
        table.writerow([*cells, *moment.values()])
    return file.getvalue()


def _as_text(cell: str) -> str:
    """Marked with an apostrophe where a spreadsheet might calculate with it: it looks behind blanks
    and line breaks, and takes full-width signs for their narrow twins."""
    begins = unicodedata.normalize("NFKC", cell).lstrip()[:1]
    return "'" + cell if begins in FORMULA or cell[:1].isspace() else cell
