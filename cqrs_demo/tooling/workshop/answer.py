"""An HTTP answer as a person reads it: status, the headers that matter here, the body. Refusals are
answers too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from cqrs_demo.exact_json import dumps

HEADERS = ("Location", "X-Event-Id", "Idempotent-Replayed", "Retry-After")
"""The headers worth showing, in this order."""


class Refused(Exception):
    """Something was asked for that a refusal does not have. The text is what the service said."""


@dataclass(frozen=True, repr=False)
class Answer:
    """What a service answered. `answer["id"]` is the field of the body; on a refusal it raises
    Refused with the reason.

    `body` is JSON with amounts as Decimal. `headers` holds those of HEADERS that came.
    """

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.status < 400

    @property
    def event_id(self) -> str:
        """The event that tells of this command. Raises Refused when there is none."""
        if "X-Event-Id" not in self.headers:
            raise Refused(f"no event was made: {self.status} {self._reason()}")
        return self.headers["X-Event-Id"]

    def __getitem__(self, name: str) -> Any:
        if not self.ok:
            raise Refused(f"{self.status} {self._reason()}")
        return self.body[name]

    def _reason(self) -> str:
        return str(self.body.get("detail", "")) if isinstance(self.body, dict) else str(self.body)

    def __repr__(self) -> str:
        lines = [f"{self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {self.headers[name]}" for name in HEADERS if name in self.headers]
        return "\n".join([*lines, "", pretty(self.body)])


class Document(dict[str, Any]):
    """A JSON object that shows itself as JSON."""

    def __repr__(self) -> str:
        return pretty(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """IPython would print a dict its own way."""
        printer.text(repr(self))


def pretty(value: Any) -> str:
    """JSON for people: a field a line, and what is inside a field on that line. Amounts keep their
    two decimals."""
    if isinstance(value, dict) and value:
        fields = [f"  {_json(name)}: {_nested(inner)}" for name, inner in value.items()]
        return "{\n" + ",\n".join(fields) + "\n}"
    return _json(value)


def _nested(value: Any) -> str:
    """A list of objects takes a line for each."""
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return "[\n" + ",\n".join(f"    {_json(item)}" for item in value) + "\n  ]"
    return _json(value)


def _json(value: Any) -> str:
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{_json(name)}: {_json(inner)}" for name, inner in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    return dumps(value).decode()


def number(amount: Decimal | int | float | str) -> Any:
    """An amount as it goes into JSON: "50.00" and 50.0 become Decimal. What is no number is passed
    on, for the service to refuse."""
    try:
        return Decimal(str(amount)) if isinstance(amount, float | str) else amount
    except ArithmeticError:
        return amount
