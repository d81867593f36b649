"""An HTTP answer as a person reads it: status, the headers that matter here, the body. Refusals are
answers too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Self

from cqrs_demo.client.errors import NoAnswer, Refused
from cqrs_demo.exact_json import dumps

HEADERS = ("Location", "X-Event-Id", "Idempotent-Replayed", "Retry-After")
"""The headers worth showing, in this order."""
KEPT = (*HEADERS, "X-Log-Horizon")


@dataclass(frozen=True, repr=False)
class Answer:
    """What a service answered. `answer["id"]` is the field of the body; on a refusal it raises
    Refused with the reason.

    `body` is JSON with amounts as Decimal. `headers` holds those of KEPT that came. `asked` and
    `answered` are seconds since the epoch, by this machine's clock.
    """

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    service: str = ""
    asked: float = 0.0
    answered: float = 0.0

    @property
    def ok(self) -> bool:
        return self.status < 400

    @property
    def event_id(self) -> str:
        """The event that tells of this command. Raises Refused when there is none."""
        if "X-Event-Id" not in self.headers:
            raise Refused(f"no event was made: {self.status} {self._reason()}")
        return self.headers["X-Event-Id"]

    def checked(self) -> Self:
        """Itself. Raises Refused for a refusal, and NoAnswer when something behind the service is
        away."""
        if self.ok:
            return self
        if self.status >= 500:
            raise NoAnswer(self._reason(), self.service)
        problem = self.body if isinstance(self.body, dict) else None
        raise Refused(self._reason(), self.service, problem)

    def __getitem__(self, name: str) -> Any:
        if not self.ok:
            raise Refused(f"{self.status} {self._reason()}")
        return self.body[name]

    def _reason(self) -> str:
        told = self.body.get("detail", "") if isinstance(self.body, dict) else self.body
        return str(told or f"answered {self.status}")

    def __repr__(self) -> str:
        lines = [f"{self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {self.headers[name]}" for name in HEADERS if name in self.headers]
        return "\n".join([*lines, "", pretty(self.body)])


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
