"""How far somebody is, as notebook 00 shows it: a row per chapter."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cqrs_demo.tooling.workshop.passed import Passed, read_passed
from cqrs_demo.tooling.workshop.quiz import quizzes

NOTHING_YET = (
    "Nothing is passed yet. What you pass is kept in progress.json, beside the notebooks. "
    "(Solutions do not count.)"
)


@dataclass(frozen=True)
class Chapter:
    """What there is to be passed in it."""

    number: str
    title: str
    exercises: int
    questions: int


class Progress:
    def __init__(self, chapters: list[Chapter], passed: Passed) -> None:
        self._chapters, self._passed = chapters, passed

    @property
    def table(self) -> pd.DataFrame:
        rows = [
            (chapter.title, self._exercises(chapter), self._quiz(chapter))
            for chapter in self._chapters
        ]
        frame = pd.DataFrame(rows, columns=["chapter", "exercises passed", "quiz"])
        frame.index = pd.Index([""] * len(frame))
        return frame

    def _exercises(self, chapter: Chapter) -> str:
        passed = sum(name.startswith(f"{chapter.number}.") for name in self._passed.exercises)
        return f"{passed} of {chapter.exercises}"

    def _quiz(self, chapter: Chapter) -> str:
        right = self._passed.quizzes.get(chapter.number)
        return "not answered" if right is None else f"{right} of {chapter.questions} right"

    @property
    def _words(self) -> str:
        return "" if self._passed.exercises or self._passed.quizzes else NOTHING_YET

    def __repr__(self) -> str:
        return f"{self.table.to_string()}\n{self._words}".strip()

    def _repr_html_(self) -> str:
        return f"{self.table.to_html(index=False)}<p>{self._words}</p>"


def progress() -> Progress:
    """Of whoever works in this folder."""
    chapters = [_chapter(path) for path in sorted(Path.cwd().glob("[0-9]*.ipynb"))]
    return Progress(chapters, read_passed())


def _chapter(path: Path) -> Chapter:
    number, cells = path.name[:2], json.loads(path.read_text(encoding="utf-8"))["cells"]
    title = "".join(cells[0]["source"]).splitlines()[0].strip("# ")
    checks = sum("check" in cell["metadata"].get("tags", []) for cell in cells)
    return Chapter(number, title, checks, len(quizzes().get(number, ())))
