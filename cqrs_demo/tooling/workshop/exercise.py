"""The cell an exercise ends in: it says whether the answer is right, and why not."""

from types import TracebackType
from typing import Any, Self

NOT_YET = (
    "✎ Not answered yet. Replace the ... in the cell above, run it, then run this one (its "
    "code is folded) again."
)


class exercise:  # reads as a statement: with exercise(answer): assert …
    """Asserts about an answer, each with the reason why a wrong one is wrong.

    An answer that is still `...` is not wrong but missing. `well` is said to who got it.
    """

    def __init__(self, *answers: Any, well: str = "") -> None:
        self._missing = any(answer is ... for answer in answers)
        self._well = well

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if self._missing:
            print(NOT_YET)
        elif error is None:
            print(f"✔ Right. {self._well}".rstrip())
        elif isinstance(error, AssertionError):
            print(f"✘ Not quite: {error}")
        elif isinstance(error, Exception):
            print(f"✘ Not quite: your answer cannot be checked, {type(error).__name__}: {error}")
        return error is None or isinstance(error, Exception)
