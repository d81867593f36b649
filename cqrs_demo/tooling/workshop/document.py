"""A JSON object as a notebook shows it."""

from typing import Any

from cqrs_demo.client.answer import pretty


class Document(dict[str, Any]):
    """A JSON object that shows itself as JSON."""

    def __repr__(self) -> str:
        return pretty(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """IPython would print a dict its own way."""
        printer.text(repr(self))
