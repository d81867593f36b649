"""What the shop refuses, as the core says it: by what the caller can do about it.

Each refusal has a stable `code` and a text for a person. It is raised where the reason is known,
and mapped once to the transport's own words, in http/problems.py.
"""

from typing import ClassVar


class Refusal(Exception):
    """Nothing was changed. `str()` says why, with the value that was wrong."""

    code: ClassVar[str]


class NotFound(Refusal):
    """There is no such thing."""

    code = "not-found"


class Conflict(Refusal):
    """It contradicts what is there."""


class Invalid(Refusal):
    """The request itself is wrong: it will be refused again."""


class TryLater(Refusal):
    """The same request may succeed in a second."""
