"""An invoice to take away: a page that prints as it is, and a table for a spreadsheet."""

import csv
import io
import unicodedata
from html import escape
from pathlib import Path
from typing import Any

import words
from receipt import invoice_html

FORMULA = tuple("=+-@|%")

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.4 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto;
       color: #1b2030; }}
{style}
.invoice {{ background: none !important; }}
@page {{ margin: 15mm; }}
</style>
{invoice}
</html>
"""


def as_page(invoice: dict[str, Any], name: str) -> str:
    """All of its lines, in one file that needs no other. A browser prints it, or saves it as
    PDF."""
    style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    title = f"Invoice {words.month(invoice['invoice_dt'])}, {name}"
    return PAGE.format(
        title=escape(title), style=style, invoice=invoice_html(invoice, name, shown=None)
    )


def as_csv(invoice: dict[str, Any]) -> str:
    """A line per order. What a spreadsheet would take for a formula is marked as text."""
    file = io.StringIO()
    table = csv.writer(file)
    table.writerow(["purchase_dt", "description", "amount"])
    for line in invoice["orders"]:
        table.writerow([line["purchase_dt"], _as_text(line["description"]), line["amount"]])
    return file.getvalue()


def _as_text(cell: str) -> str:
    """Marked with an apostrophe where a spreadsheet might calculate with it: it looks behind blanks
    and line breaks, and takes full-width signs for their narrow twins."""
    begins = unicodedata.normalize("NFKC", cell).lstrip()[:1]
    return "'" + cell if begins in FORMULA or cell[:1].isspace() else cell
