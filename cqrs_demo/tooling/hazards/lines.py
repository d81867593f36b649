"""The line of the naive shop at which a hazard lives, and the line of ours that removes it: found
in the sources themselves, so that neither can be out of date."""

from dataclasses import dataclass
from importlib.resources import files

_MARK = "# hazard: "


@dataclass(frozen=True)
class CodeLine:
    """`file` is below the package, `code` the line without its indentation and mark."""

    file: str
    number: int
    code: str


def naive_line(hazard: str) -> CodeLine:
    """The one that is marked with the hazard's name."""
    for file in ("naive/orders.py", "naive/invoices.py"):
        for number, line in _numbered(file):
            code, mark, name = line.partition(_MARK)
            if mark and name == hazard:
                return CodeLine(file, number, code.strip())
    raise LookupError(f"no line of the naive shop is marked {_MARK}{hazard}")


def line_with(file: str, text: str) -> CodeLine:
    """The first line of a file of the package in which the text stands."""
    for number, line in _numbered(file):
        if text in line:
            return CodeLine(file, number, line.strip())
    raise LookupError(f"{file} has no line with {text!r}")


def _numbered(file: str) -> list[tuple[int, str]]:
    text = files("cqrs_demo").joinpath(file).read_text(encoding="utf-8")
    return list(enumerate(text.splitlines(), start=1))
