"""The cell an exercise ends in: it says whether the answer is right, and why not. Next: answers.py,
which reads an answer however it was written."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from cqrs_demo.client.errors import Trouble
from cqrs_demo.tooling.workshop.passed import note_exercise

NOT_YET = (
    "✎ Not answered yet. Replace the ... in the cell above, run it, then run this one (its "
    "code is folded) again."
)


class exercise:  # reads as a statement: with exercise("03.1", answer): assert …
    """Asserts about an answer, each with the reason why a wrong one is wrong. An exercise that is
    solved is noted under its name.

    An answer that is still `...` is not wrong but missing. `well` is said to who got it. `again` is
    called after a wrong answer: it puts things back, so that the next try begins like the first.
    """

    def __init__(
        self, name: str, *answers: Any, well: str = "", again: Callable[[], object] = lambda: None
    ) -> None:
        self._name = name
        self._missing = any(answer is ... for answer in answers)
        self._well, self._again = well, again

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is not None and not isinstance(error, Exception):
            return False
        if self._missing:
            print(NOT_YET)
        elif error is None:
            print(f"✔ Right. {self._well}".rstrip())
            note_exercise(self._name)
        else:
            print(f"✘ Not quite: {_why(error)}")
            self._again()
        return True


def _why(error: Exception) -> str:
    if isinstance(error, AssertionError):
        return str(error)
    if isinstance(error, Trouble):
        return f"your answer cannot be checked: {error}"
    return f"your answer cannot be checked, {type(error).__name__}: {error}"
