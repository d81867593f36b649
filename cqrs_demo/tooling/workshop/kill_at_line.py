"""Ends a function of a notebook before one of its lines, as if its process had been killed there.
Python tells before each line that it is about to run (sys.settrace)."""

import linecache
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, Protocol


class Killed(BaseException):
    """Not an Exception: a function that catches those does not live on. One that catches
    everything does, without a connection."""


class Endless(Exception):
    """The function has run more lines than it should ever need."""


class Closes(Protocol):
    def close(self) -> None: ...


class Kill:
    """At the `line`-th line that runs, counted from 1; None: never. The connections are closed
    there, and `before` then holds the text of the line that did not run any more."""

    def __init__(self, line: int | None, most: int) -> None:
        self._line, self._most, self._count = line, most, 0
        self.before: str | None = None
        self.connections: Sequence[Closes] = ()

    def during(self, function: Callable[..., object], *arguments: object) -> None:
        """Raises what the function raises, unless it was killed."""
        self._file = function.__code__.co_filename
        others = sys.gettrace()
        sys.settrace(self._enter)
        try:
            function(*arguments)
        except BaseException:
            if self.before is None:
                raise
        finally:
            sys.settrace(others)

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Only the lines of the notebook's cell count, and not those of a library."""
        return self._each_line if frame.f_code.co_filename == self._file else None

    def _each_line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event != "line":
            return self._each_line
        self._count += 1
        if self._count > self._most:
            raise Endless(f"it does not come to an end: it has run {self._most} lines")
        if self._line is not None and self._count >= self._line:
            if self.before is None:
                text = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
                self.before = text or f"line {frame.f_lineno}"
                for connection in self.connections:
                    connection.close()
            raise Killed
        return self._each_line
