"""The minute at the end of a chapter: three questions to click on, each answered at once.

The questions stand in quizzes.toml. Once all are answered, how many were right at the first try
goes into progress.json (passed.py). Where nothing can be clicked, `quiz("03", "bca")` says and
keeps the same.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cqrs_demo.tooling.workshop.choices import Question, clickable, questions_in
from cqrs_demo.tooling.workshop.passed import note_quiz

FILE = Path(__file__).with_name("quizzes.toml")


@dataclass(frozen=True)
class Quiz:
    """`chosen` has a letter for each question, or nothing."""

    chapter: str
    questions: tuple[Question, ...]
    chosen: str = ""

    @property
    def right(self) -> int:
        pairs = zip(self.questions, self.chosen, strict=False)
        return sum(letter == question.right for question, letter in pairs)

    def __repr__(self) -> str:
        if not self.chosen:
            asked = "\n\n".join(question.asked for question in self.questions)
            letters = "abc"[: len(self.questions)]
            how = f'Click on one of each, or run quiz("{self.chapter}", "{letters}").'
            return f"{asked}\n\n{how}"
        pairs = zip(self.questions, self.chosen, strict=True)
        told = [f"{question.question}\n{question.answered(letter)}" for question, letter in pairs]
        return "\n\n".join([*told, f"{self.right} of {len(self.questions)}."])

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        if self.chosen:
            return {"text/plain": repr(self)}
        pages = "".join(question.page for question in self.questions)
        return {"text/plain": repr(self), "text/html": clickable(pages, "quiz", self.chapter)}


def quiz(chapter: str, choices: str = "") -> Quiz:
    """The chapter's questions; with choices (a letter for each, such as "bca"), also what is
    true. Raises ValueError for a chapter or a letter that is none."""
    known = quizzes()
    if chapter not in known:
        raise ValueError(f"there is no quiz {chapter!r}; there are {', '.join(known)}")
    asked, letters = known[chapter], "".join(choices.replace(",", " ").split())
    if letters and len(letters) != len(asked):
        raise ValueError(f"{len(asked)} letters are wanted, one for each question: {choices!r}")
    pairs = zip(asked, letters, strict=False)
    chosen = "".join(question.letter(letter) for question, letter in pairs)
    answered = Quiz(chapter, asked, chosen)
    if chosen:
        note_quiz(chapter, answered.right)
    return answered


@cache
def quizzes() -> dict[str, tuple[Question, ...]]:
    """By chapter."""
    by_chapter = defaultdict(list)
    for name, question in questions_in(FILE).items():
        by_chapter[name.partition(".")[0]].append(question)
    return {chapter: tuple(asked) for chapter, asked in by_chapter.items()}
