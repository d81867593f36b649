"""What somebody has passed, in a file beside the notebooks that is theirs alone.

An exercise is noted by its check (exercise.py), a quiz by its page (quiz.js) or by quiz(). Nothing
here is worth an error: where the file cannot be written, nothing is kept, and the check goes on.
Next: progress.py, which shows it.
"""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

FILE = "progress.json"
FIRST = "00_start_here.ipynb"


@dataclass
class Passed:
    """Exercises by their number ("03.1"); of each chapter's quiz, how many answers were right at
    best."""

    exercises: set[str] = field(default_factory=set)
    quizzes: dict[str, int] = field(default_factory=dict)


def note_exercise(name: str) -> None:
    """It was solved."""
    passed = read_passed()
    passed.exercises.add(name)
    _write(passed)


def note_quiz(chapter: str, right: int) -> None:
    """The best result stays."""
    passed = read_passed()
    passed.quizzes[chapter] = max(right, passed.quizzes.get(chapter, 0))
    _write(passed)


def read_passed() -> Passed:
    """What cannot be read is nothing: the next thing that is passed writes the file anew."""
    file = _file()
    with suppress(OSError, ValueError, TypeError, AttributeError):
        told = json.loads(file.read_text(encoding="utf-8")) if file else {}
        quizzes = {str(chapter): int(right) for chapter, right in told.get("quizzes", {}).items()}
        return Passed({str(name) for name in told.get("exercises", [])}, quizzes)
    return Passed()


def _write(passed: Passed) -> None:
    told = {"exercises": sorted(passed.exercises), "quizzes": passed.quizzes}
    with suppress(OSError):
        if file := _file():
            file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _file() -> Path | None:
    """Beside the notebook, if it is one of those that people work in."""
    here = Path.cwd()
    return here / FILE if (here / FIRST).is_file() and here.name != "solutions" else None
