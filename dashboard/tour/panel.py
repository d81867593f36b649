"""The guided tour: seven steps over the real system. Each asks for a prediction, does what it says,
and tells what was to be expected. It can be begun on the Shop and left at any moment.

Whoever leaves, leaves nothing paused. Whoever closes the page cannot be helped that way: then the
strip says what is paused, and heals it. Next: steps.py.
"""

from dataclasses import dataclass

import streamlit as st

from clicks import button
from frame import attempt, complaint
from kept import recall, remember
from stage.watch import watch
from system import fetch
from system.pulse import pulse
from tour.steps import STEPS, Step

STAGE = "views/stage.py"


@dataclass
class Tour:
    """Where this viewer is. `said`: their prediction, once the step's button has worked. `paused`:
    the consumer, by the tour."""

    at: int = 0
    said: str | None = None
    paused: bool = False

    @classmethod
    def read(cls, written: str) -> "Tour":
        """From the address: its steps count from 1. Raises ValueError."""
        at = int(written) - 1
        if at not in range(len(STEPS)):
            raise ValueError(written)
        return cls(at)

    @property
    def step(self) -> Step:
        return STEPS[self.at]

    @property
    def question(self) -> str:
        return f"tour question {self.at}"


def tour(page: str) -> None:
    """`page` is the title of the page below. On the Shop the tour is offered."""
    recall(tour=Tour.read)
    now = st.session_state.get("tour")
    remember(tour=str(now.at + 1) if now else None)
    if now:
        panel(page)
    elif page == "Shop":
        offer()


def offer() -> None:
    if st.button(
        f"New here? Take the tour: {len(STEPS)} steps",
        icon=":material/tour:",
        type="tertiary",
        key="begin tour",
    ):
        st.session_state.tour = Tour()
        st.switch_page(STAGE)


@st.fragment  # of its own: an answer draws the panel again, and not the whole page
def panel(page: str) -> None:
    now: Tour | None = st.session_state.tour
    if now is None:
        st.rerun()  # it was left: the page below moves up
    remember(tour=str(now.at + 1))
    step = now.step
    with st.container(border=True, key="tour"):
        st.markdown(f"**Tour {now.at + 1} of {len(STEPS)} · {step.title}** — {step.story}")
        if page != "Stage":
            st.page_link(STAGE, label="See it on the Stage", icon=":material/conversion_path:")
        question, answer = st.columns([2, 3], gap="medium")
        with question:
            says = told(now) if now.said else predict(now)
        with answer:
            if now.said:
                st.markdown(verdict(step, now.said))
            complaint("tour")
            buttons(now, says)


def told(now: Tour) -> str | None:
    st.markdown(f"{now.step.question}  \nYou said: *{now.said}.*")
    return now.said


def predict(now: Tour) -> str | None:
    step = now.step
    return st.radio(f"Predict: {step.question}", step.options, index=None, key=now.question)


def verdict(step: Step, said: str) -> str:
    right = step.options[step.right]
    judged = "**As you predicted.**" if said == right else f"**No: {right[0].lower()}{right[1:]}.**"
    return f"{judged} {step.answer}"


def buttons(now: Tour, says: str | None) -> None:
    """`says`: what is predicted at the moment."""
    row = st.container(horizontal=True)
    if not now.said:
        button(
            "tour act",
            now.step.label,
            act,
            now,
            says,
            within=row,
            type="primary",
            icon=":material/play_arrow:",
            disabled=says is None,
            help=None if says else "First say what you expect",
        )
    last = now.at == len(STEPS) - 1
    if not last:
        label, kind = ("Next", "primary") if now.said else ("Skip", "secondary")
        button("tour next", label, go_on, now, within=row, type=kind)
    end = "Finish" if last and now.said else "Leave the tour"
    button("tour leave", end, leave, now, within=row)


def act(now: Tour, says: str) -> None:
    def done() -> None:
        now.paused = now.paused or now.step.pauses  # also when only its first half works
        now.step.act()
        now.said = says

    attempt("tour", done)
    watch().soon()
    pulse().refresh()


def go_on(now: Tour) -> None:
    st.session_state["tour complaints"] = {}
    now.at, now.said = now.at + 1, None
    if not now.step.pauses:
        resume(now)


def leave(now: Tour) -> None:
    st.session_state.tour = None
    resume(now)


def resume(now: Tour) -> None:
    if now.paused:
        attempt("tour", lambda: fetch.set_gate("consumer", "running"))
        now.paused = False
        pulse().refresh()
