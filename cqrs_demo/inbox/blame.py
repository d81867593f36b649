"""Whose fault is a failure? The answer decides what becomes of the message, so it is given in this
one place.

- The MESSAGE: it cannot be decoded, or the database refuses its values (SQLSTATE classes 22 and
  23). It is set aside.
- AWAY: connection, resources, locks, deadlocks (08, 53, 55, 57, 40). It passes by itself: keep the
  message, try again.
- The SYSTEM: rights, missing tables, a bug; everything else. No message is to blame and all would
  fail alike: keep them, say so loudly, and try again until somebody has mended it.

Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from enum import Enum

import psycopg

from cqrs_demo.contract.codec import DecodeError
from cqrs_demo.database import AWAY

IN_A_ROW = 5
"""Different messages that fail in the same way, one after the other, are innocent: then it is the
system, whatever it looks like."""


class Blame(Enum):
    MESSAGE = "message"
    AWAY = "away"
    SYSTEM = "system"


def blame(error: Exception) -> Blame:
    if isinstance(error, DecodeError | psycopg.DataError | psycopg.IntegrityError):
        return Blame.MESSAGE
    if isinstance(error, AWAY):
        return Blame.AWAY
    return Blame.SYSTEM


class SameFailure(Exception):
    """Different messages in a row failed in the same way. They are kept."""


class Streak:
    """Counts messages that failed one after the other for the same reason, with none applied in
    between."""

    def __init__(self) -> None:
        self._reason, self._length = "", 0

    def broken(self) -> None:
        """A message was applied."""
        self._length = 0

    def failed(self, reason: str) -> None:
        """Raises SameFailure from the IN_A_ROW-th on."""
        self._length = self._length + 1 if reason == self._reason else 1
        self._reason = reason
        if self._length >= IN_A_ROW:
            raise SameFailure(
                f"{self._length} different messages in a row failed in the same way: {reason}"
            )
