"""A question before the cell that answers it: click on what you expect, and read what happens.

The questions stand in predictions.toml, so that a notebook's code gives nothing away. A click is
answered in the page itself, which needs no kernel, and is recorded by the browser. Where nothing
can be clicked, `predict("01.1", "b")` says the same in text.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("predictions.toml")

# In the page: show what the choice comes to. The first one is recorded by the browser, so that a
# notebook's predictions can be counted; whoever clicks on another reads on, and the record stays.
_SCRIPT = (
    "const box=this.closest('[data-prediction]'),score=box.querySelector('[data-score]'),"
    "name='cqrs-demo.prediction.'+box.dataset.prediction;"
    "box.querySelectorAll('button').forEach(one=>{"
    "one.setAttribute('aria-pressed',one===this);"
    "one.style.outline=one===this?'2px solid #2a78b5':'none'});"
    "box.querySelectorAll('[data-for]').forEach(one=>{one.hidden=one.dataset.for!==this.value});"
    "box.querySelector('[data-because]').hidden=false;"
    "try{"
    "if(!box.dataset.chosen)localStorage.setItem(name,this.value===box.dataset.right);"
    "box.dataset.chosen=this.value;"
    "const told=Object.keys(localStorage).filter(one=>one.startsWith(name.replace(/[0-9]+$/,'')));"
    "const right=told.filter(one=>localStorage.getItem(one)==='true');"
    "score.textContent=`Your predictions in this notebook: ${right.length} of ${told.length} came "
    "true.`"
    "}catch(error){score.textContent=''}"
)
_BUTTON = (
    "display:block;width:100%;margin:4px 0;padding:6px 10px;text-align:left;font:inherit;"
    "color:inherit;background:transparent;border:1px solid #999;border-radius:6px;cursor:pointer"
)


@dataclass(frozen=True)
class Prediction:
    """`right` is the letter of the choice that comes true."""

    name: str
    question: str
    choices: tuple[str, ...]
    right: str
    because: str
    chosen: str | None = None

    @property
    def lettered(self) -> dict[str, str]:
        return dict(zip("abcdef", self.choices, strict=False))

    def verdict(self, letter: str) -> str:
        said = f"You said: {self.lettered[letter]}."
        if letter == self.right:
            return f"✔ {said} So it is."
        return f"✘ {said} It is: {self.lettered[self.right]}."

    def __repr__(self) -> str:
        lines = [self.question]
        lines += [f"  {letter}) {text}" for letter, text in self.lettered.items()]
        if self.chosen is None:
            lines.append(
                f'Click on one, or run predict("{self.name}", "a"); then run the cell below.'
            )
        else:
            lines += [self.verdict(self.chosen), self.because]
        return "\n".join(lines)

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        if self.chosen is not None:
            return {"text/plain": repr(self)}
        return {"text/plain": repr(self), "text/html": self._page()}

    def _page(self) -> str:
        buttons = "".join(
            f'<button value="{letter}" aria-pressed="false" style="{_BUTTON}" '
            f'onclick="{escape(_SCRIPT)}">{escape(text)}</button>'
            for letter, text in self.lettered.items()
        )
        verdicts = "".join(
            f'<p data-for="{letter}" hidden>{escape(self.verdict(letter))}</p>'
            for letter in self.lettered
        )
        return (
            f'<div data-prediction="{self.name}" data-right="{self.right}" style="max-width:44em">'
            f"<p><b>{escape(self.question)}</b></p>{buttons}"
            f'<div role="status">{verdicts}<p data-because hidden>{escape(self.because)}</p></div>'
            "<small data-score></small>"
            "</div>"
        )


def predict(name: str, choice: str | None = None) -> Prediction:
    """The question of this number; with a choice (its letter), also what comes true. Raises
    ValueError for a number or a letter that is none."""
    known = predictions()
    if name not in known:
        raise ValueError(f"there is no prediction {name!r}; there are {', '.join(known)}")
    asked = known[name]
    if choice is None:
        return asked
    letter = choice.strip().casefold()
    if letter not in asked.lettered:
        raise ValueError(f"choose one of {', '.join(asked.lettered)}; this is {choice!r}")
    return Prediction(asked.name, asked.question, asked.choices, asked.right, asked.because, letter)


@cache
def predictions() -> dict[str, Prediction]:
    told = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {
        name: Prediction(name, one["question"], tuple(one["choices"]), one["right"], one["because"])
        for name, one in told.items()
    }
