"""Why there is no result. Each can be told to a person as it is."""

from typing import Any


class Trouble(Exception):
    """`where` is a service, a database or the system, as far as that is known; `why` is a
    sentence."""

    def __init__(self, why: str, where: str = "") -> None:
        super().__init__(f"{where}: {why}" if where else why)
        self.why, self.where = why, where


class NoAnswer(Trouble):
    """Nobody answers, or the answer says that something behind the service is away. It passes by
    itself."""


class Refused(Trouble):
    """The service says no, and will say it again. `fields` has what is wrong with which field;
    `code` is the problem's."""

    def __init__(self, why: str, where: str = "", problem: dict[str, Any] | None = None) -> None:
        super().__init__(why, where)
        told = problem or {}
        self.code: str | None = told.get("code")
        self.fields = {error["field"]: error["message"] for error in told.get("errors") or []}


class TookTooLong(Trouble):
    """What was waited for did not happen. The text says what, and where things stand."""
