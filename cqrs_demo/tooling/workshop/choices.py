"""Questions with choices to click on. Predictions and quizzes are made of them.

A click is answered in the page itself, which needs no kernel. Next: predict.py, quiz.py, and
choices.js, which runs in the page.
"""

import tomllib
from dataclasses import dataclass
from html import escape
from pathlib import Path

_BUTTON = (
    "display:block;width:100%;margin:4px 0;padding:6px 10px;text-align:left;font:inherit;"
    "color:inherit;background:transparent;border:1px solid #999;border-radius:6px;cursor:pointer"
)


@dataclass(frozen=True)
class Question:
    """`right` is the letter of the choice that is true (a is the first), and `because` says why.
    Plain text."""

    name: str
    question: str
    choices: tuple[str, ...]
    right: str
    because: str

    @property
    def lettered(self) -> dict[str, str]:
        return dict(zip("abcdef", self.choices, strict=False))

    def letter(self, said: str) -> str:
        """Raises ValueError for what is no letter of a choice."""
        letter = said.strip().casefold()
        if letter not in self.lettered:
            raise ValueError(f"choose one of {', '.join(self.lettered)}; this is {said!r}")
        return letter

    def verdict(self, letter: str) -> str:
        said = f"You said: {self.lettered[letter]}."
        if letter == self.right:
            return f"✔ {said} So it is."
        return f"✘ {said} It is: {self.lettered[self.right]}."

    @property
    def asked(self) -> str:
        """In text, without the answer."""
        lines = [f"  {letter}) {text}" for letter, text in self.lettered.items()]
        return "\n".join([self.question, *lines])

    def answered(self, letter: str) -> str:
        return f"{self.verdict(letter)}\n{self.because}"

    @property
    def page(self) -> str:
        """With its buttons; every verdict is there, and hidden. It needs clickable() around it."""
        buttons = "".join(
            f'<button value="{letter}" aria-pressed="false" style="{_BUTTON}">'
            f"{escape(text)}</button>"
            for letter, text in self.lettered.items()
        )
        verdicts = "".join(
            f'<p data-for="{letter}" hidden>{escape(self.verdict(letter))}</p>'
            for letter in self.lettered
        )
        return (
            f'<div data-question="{self.name}" data-right="{self.right}">'
            f"<p><b>{escape(self.question)}</b></p>{buttons}"
            f'<div role="status">{verdicts}<p data-because hidden>{escape(self.because)}</p></div>'
            "</div>"
        )


def clickable(questions: str, kind: str, name: str) -> str:
    """The questions' pages as one group, a `prediction` or a `quiz`. The script of that name runs
    after each click, too."""
    script = escape(_script("choices.js") + _script(f"{kind}.js"))
    return (
        f'<div data-{kind}="{name}" style="max-width:44em" onclick="{script}">{questions}'
        '<small data-score role="status"></small></div>'
    )


def _script(name: str) -> str:
    """Without the lines that are comments, and on one line: it becomes an attribute."""
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    return "".join(line.strip() for line in lines if not line.strip().startswith("//"))


def questions_in(file: Path) -> dict[str, Question]:
    told = tomllib.loads(file.read_text(encoding="utf-8"))
    return {
        name: Question(name, one["question"], tuple(one["choices"]), one["right"], one["because"])
        for name, one in told.items()
    }
