"""A question before the cell that answers it: click on what you expect, and read what happens.

The questions stand in predictions.toml, so that a notebook's code gives nothing away. A click is
recorded by the browser. Where nothing can be clicked, `predict("01.1", "b")` says the same in text.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cqrs_demo.tooling.workshop.choices import Question, clickable, questions_in

FILE = Path(__file__).with_name("predictions.toml")


@dataclass(frozen=True)
class Prediction:
    question: Question
    chosen: str | None = None

    def __repr__(self) -> str:
        asked = self.question.asked
        if self.chosen is not None:
            return f"{asked}\n{self.question.answered(self.chosen)}"
        name = self.question.name
        return f'{asked}\nClick on one, or run predict("{name}", "a"); then run the cell below.'

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        if self.chosen is not None:
            return {"text/plain": repr(self)}
        page = clickable(self.question.page, "prediction", self.question.name)
        return {"text/plain": repr(self), "text/html": page}


def predict(name: str, choice: str | None = None) -> Prediction:
    """The question of this number; with a choice (its letter), also what comes true. Raises
    ValueError for a number or a letter that is none."""
    known = predictions()
    if name not in known:
        raise ValueError(f"there is no prediction {name!r}; there are {', '.join(known)}")
    asked = known[name]
    return Prediction(asked, None if choice is None else asked.letter(choice))


@cache
def predictions() -> dict[str, Question]:
    return questions_in(FILE)
