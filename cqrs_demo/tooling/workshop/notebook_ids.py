"""What belongs to one run of a notebook, and the small numbers it is shown with.

A notebook runs on a fresh system, on one that was used all day, and twice in a row, and always
shows the same: its first user is user 1. So emails get a tag on their way in (alice+3f9a@demo.com),
and on the way out the tag is taken off and ids are counted from the beginning of the notebook.
Everything else passes as it is.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any

import pandas as pd

from cqrs_demo.client.answer import Answer
from cqrs_demo.tooling.workshop.tables import readable

IDS = {"user_id": "user", "order_id": "order", "event_id": "event", "invoice_id": "invoice"}
"""Fields that mean the same wherever they are."""

ENTITIES = {"user.created": "user", "account.created": "account", "order.created": "order"}
"""What an event is about: the `subject`, and the `id` of its data."""

_IN_TEXT = re.compile(
    r"\b(user|account|order|event|invoice) ([0-9a-f-]{36}|[0-9]+)\b"
    r"|/(user|account|order)s/([0-9]+)\b"
)


class NotebookIds:
    """Ids met so far, by kind. `shown` turns real ones into small ones and `real` the other way
    round."""

    def __init__(self) -> None:
        self._tags: list[str] = []
        self.new_tag()
        self._shown: dict[str, dict[str, int | str]] = {
            kind: {} for kind in (*ENTITIES.values(), "event", "invoice")
        }
        self._real: dict[tuple[str, str], int | str] = {}

    @property
    def tag(self) -> str:
        return self._tags[-1]

    def new_tag(self) -> None:
        """Emails and idempotency keys that were given before are new from now on."""
        self._tags.append(f"+{secrets.token_hex(3)}")

    def meet(self, kind: str, real: int | str) -> int | str:
        """The number it is shown with; the next free one when it was never met before."""
        known = self._shown[kind]
        if str(real) not in known:
            count = sum(number != self._ghost(kind, number) for number in known.values()) + 1
            self._remember(kind, real, f"{kind}-{count}" if kind in ("event", "invoice") else count)
        return known[str(real)]

    def _ghost(self, kind: str, number: int | str) -> int | str | None:
        real = self._real[kind, str(number)]
        return number if isinstance(real, int) and real >= 2**40 else None

    def _remember(self, kind: str, real: int | str, shown: int | str) -> None:
        self._shown[kind][str(real)] = shown
        self._real[kind, str(shown)] = real

    def real(self, kind: str, shown: int | str) -> int | str:
        """For a number never met, an id that no row has: "user 99" shall be unknown on every
        system."""
        if (kind, str(shown)) not in self._real:
            if not isinstance(shown, int):
                return shown
            self._remember(kind, 2**40 + secrets.randbelow(2**40), shown)
        return self._real[kind, str(shown)]

    def shown(self, kind: str, real: Any) -> Any:
        """The small number, or the id itself when it is not one of ours."""
        return self._shown[kind].get(str(real), real)

    def all(self, kind: str) -> list[int | str]:
        """The real ids met so far."""
        return [self._real[kind, str(number)] for number in self._shown[kind].values()]

    # What goes in and what comes out.

    def email(self, email: str) -> str:
        """With the tag, if it looks like an address at all."""
        name, at, domain = email.partition("@")
        return f"{name}{self.tag}@{domain}" if name and at else email

    def text(self, text: str) -> str:
        """Without tags, and "user 4711" as "user 1"."""
        for tag in self._tags:
            text = text.replace(tag, "")
        return _IN_TEXT.sub(self._renamed, text)

    def _renamed(self, found: re.Match[str]) -> str:
        kind, real = found[1] or found[3], found[2] or found[4]
        return found[0].replace(real, str(self.shown(kind, real)))

    def fields(self, value: Any, about: str | None = None) -> Any:
        """A JSON value with small numbers. `about` is the kind that a bare "id" means."""
        if isinstance(value, list):
            return [self.fields(item, about) for item in value]
        if isinstance(value, Mapping):
            return {name: self.field(name, inner, about) for name, inner in value.items()}
        return self.text(value) if isinstance(value, str) else value

    def field(self, name: str, value: Any, about: str | None) -> Any:
        kind = IDS.get(name) or (about if name in ("id", "subject") else None)
        if kind is None or value is None:
            return self.fields(value)
        shown = self.meet(kind, str(value)) if kind == "invoice" else self.shown(kind, value)
        return str(shown) if name == "subject" else shown

    def event(self, event: Mapping[str, Any], sequence: int | None = None) -> dict[str, Any]:
        """A CloudEvent, with the two things that are never the same twice shortened."""
        about = ENTITIES.get(str(event["type"]))
        shown = {
            name: self.field(name, value, about) for name, value in event.items() if name != "data"
        }
        shown |= {"id": self.shown("event", event["id"]), "time": "(the moment of the commit)"}
        if sequence is not None:
            shown["sequence"] = str(sequence)
        return {**shown, "data": self.fields(event["data"], about)}

    def differences(self, found: list[dict[str, Any]]) -> pd.DataFrame:
        """What verify found, a row per field: where it is, what the read model has, what the log
        says."""
        rows = [
            {
                "table": row["table"],
                "row": self._key(row["key"]),
                "is": row["kind"],
                "field": name,
                **self._sides(name, values),
            }
            for row in found
            for name, values in row["fields"].items()
            if name not in ("happened_at", "invoice_id")
        ]
        return readable(
            pd.DataFrame(
                rows, columns=["table", "row", "is", "field", "read model", "log"], dtype=object
            )
        )

    def _key(self, key: Mapping[str, Any]) -> str:
        return ", ".join(f"{name} {self.field(name, value, None)}" for name, value in key.items())

    def _sides(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "read model": self.field(name, values["live"], None),
            "log": self.field(name, values["log"], None),
        }

    def answer(self, answer: Answer, about: str | None) -> Answer:
        """The answer as the notebook shows it. What it tells of is met now."""
        if answer.ok and about is not None:
            self.meet(about, answer.body["id"])
        if answer.ok and "X-Event-Id" in answer.headers:
            self.meet("event", answer.headers["X-Event-Id"])
        headers = {
            name: str(self.shown("event", self.text(value)))
            for name, value in answer.headers.items()
        }
        return Answer(answer.status, self.fields(answer.body, about), headers)
