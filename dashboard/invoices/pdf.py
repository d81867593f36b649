"""An invoice as PDF: A4, the table's head and a page number on every page.

Its font has Latin, Greek and Cyrillic letters. Any other letter becomes a box, and the paper says
so.
"""

from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import MethodReturnValue

import words
from invoices.paper import title
from receipt import as_of_words, lines_of

FONTS = Path(__file__).with_name("fonts")
SANS, BOLD = FONTS / "DejaVuSans.ttf", FONTS / "DejaVuSans-Bold.ttf"
BOX = "□"
LACKING = f"A {BOX} stands for a letter that this file's font lacks. The HTML page has it."
COLUMNS = "Bought", "What", "Amount"
WHEN, WHAT, HIGH, FOOT = 34, 112, 6, 20  # mm


def as_pdf(invoice: dict[str, Any], name: str, as_of: datetime | None = None) -> bytes:
    """All of its lines."""
    paper = _Paper(f"Invoice {str(invoice['invoice_id'])[:8]}")
    paper.set_title(title(invoice, name, as_of))
    paper.add_page()
    paper.head(invoice, name, as_of)
    paper.lines(invoice)
    if paper.lacks:
        paper.note(LACKING)
    return bytes(paper.output())


@lru_cache
def _known_letters() -> frozenset[int]:
    return frozenset(TTFont(SANS).getBestCmap()) | {0x0A}


class _Paper(FPDF):
    def __init__(self, foot: str) -> None:
        super().__init__()
        self._foot, self.lacks, self._in_table = foot, False, False
        self.add_font("sans", fname=SANS)
        self.add_font("sans", style="B", fname=BOLD)
        self.set_margins(15, 15)
        self.set_auto_page_break(True, FOOT)
        self.set_draw_color(215)

    def header(self) -> None:
        if self._in_table:
            font = self.font_style, self.font_size_pt
            self._columns()
            self.set_font("sans", *font)

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font("sans", size=8)
        self.cell(90, 6, self._foot)
        self.cell(0, 6, f"page {self.page_no()} of {{nb}}", align="R")

    def head(self, invoice: dict[str, Any], name: str, as_of: datetime | None) -> None:
        self._say(f"Invoice · {words.month(invoice['invoice_dt'])}", 16, "B")
        if as_of:
            self._say(as_of_words(as_of), 10, "B")
        self._say(f"No. {str(invoice['invoice_id'])[:8]}", 9)
        self.ln(4)
        self._say(name, 11, "B")
        for line in (invoice["email"], invoice["shipping_address"]):
            if line:
                self._say(line, 10)
        self.ln(5)

    def lines(self, invoice: dict[str, Any]) -> None:
        """Row by row: fpdf's own table takes eight seconds for 5,000 lines."""
        self.set_auto_page_break(False, FOOT)
        self._columns()
        self._in_table = True
        lines = lines_of(invoice)
        for when, what, amount in lines:
            self._row(words.day_and_time(when), what, words.money(float(amount)))
        self.set_font("sans", "B", 10)
        self._row("", words.plural(len(lines), "order"), words.money(invoice["total"]))
        self._in_table = False
        self.set_auto_page_break(True, FOOT)

    def _columns(self) -> None:
        self.set_font("sans", "B", 8)
        self._row(*COLUMNS)
        self.set_font("sans", size=9)

    def _row(self, when: str, what: str, amount: str) -> None:
        """As high as its text; never on two pages."""
        parts = [self._shown(what)]
        if self.get_string_width(parts[0]) > WHAT - 2:
            parts = self.multi_cell(
                WHAT, HIGH, parts[0], dry_run=True, output=MethodReturnValue.LINES
            )
        if self.get_y() + HIGH * len(parts) > self.page_break_trigger:
            self.add_page()
        top = self.get_y()
        self.cell(WHEN, HIGH, when)
        self.cell(WHAT, HIGH, parts[0])
        self.cell(0, HIGH, amount, align="R", new_x="LMARGIN", new_y="NEXT")
        for part in parts[1:]:
            self.set_x(self.l_margin + WHEN)
            self.cell(WHAT, HIGH, part, new_x="LMARGIN", new_y="NEXT")
        self.line(self.l_margin, top, self.w - self.r_margin, top)

    def note(self, text: str) -> None:
        self.ln(4)
        self._say(text, 8)

    def _say(self, text: str, size: int, style: str = "") -> None:
        self.set_font("sans", style, size)
        self.multi_cell(0, size * 0.55, self._shown(text), align="L", new_x="LMARGIN", new_y="NEXT")

    def _shown(self, text: str) -> str:
        known = _known_letters()
        shown = "".join(letter if ord(letter) in known else BOX for letter in text)
        self.lacks = self.lacks or shown != text
        return shown
