"""The guided tour: seven steps over the real system. Each asks for a prediction, does what it says,
and tells what was to be expected. It can be begun on the Shop and left at any moment."""

from dataclasses import dataclass

import streamlit as st

import fetch
from frame import attempt, complaint
from pulse import pulse
from stage.watch import watch
from tour_steps import STEPS, Step

STAGE = "views/stage.py"


@dataclass
class Tour:
    """Where this viewer is. `done`: the step's button has worked."""

    at: int = 0
    done: bool = False

    @property
    def step(self) -> Step:
        return STEPS[self.at]

    @property
    def question(self) -> str:
        return f"tour question {self.at}"


def tour(page: str) -> None:
    """`page` is the title of the page below. On the Shop the tour is offered."""
    if "tour" in st.session_state:
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
    if "tour" not in st.session_state:
        st.rerun()  # it was left: the page below moves up
    now: Tour = st.session_state.tour
    step = now.step
    with st.container(border=True, key="tour"):
        st.markdown(f"**Tour {now.at + 1} of {len(STEPS)} · {step.title}** — {step.story}")
        if page != "Stage":
            st.page_link(STAGE, label="See it on the Stage", icon=":material/conversion_path:")
        question, answer = st.columns([2, 3], gap="medium")
        with question:
            said = st.radio(
                f"Predict: {step.question}",
                step.options,
                index=None,
                key=now.question,
                disabled=now.done,
            )
        with answer:
            if now.done:
                st.markdown(verdict(step, said))
            complaint("tour")
            buttons(now, said)


def verdict(step: Step, said: str | None) -> str:
    right = step.options[step.right]
    judged = "**As you predicted.**" if said == right else f"**No: {right[0].lower()}{right[1:]}.**"
    return f"{judged} {step.answer}"


def buttons(now: Tour, said: str | None) -> None:
    row = st.container(horizontal=True)
    if not now.done:
        row.button(
            now.step.label,
            key="tour act",
            type="primary",
            icon=":material/play_arrow:",
            disabled=said is None,
            help=None if said else "First say what you expect",
            on_click=act,
            args=(now,),
        )
    last = now.at == len(STEPS) - 1
    if not last:
        row.button(
            "Next" if now.done else "Skip",
            key="tour next",
            type="primary" if now.done else "secondary",
            on_click=go_on,
            args=(now,),
        )
    end = "Finish" if last and now.done else "Leave the tour"
    row.button(end, key="tour leave", on_click=leave, args=(now,))


def act(now: Tour) -> None:
    def done() -> None:
        now.step.act()
        now.done = True

    attempt("tour", done)
    watch().soon()
    pulse().refresh()


def go_on(now: Tour) -> None:
    st.session_state["tour complaints"] = {}
    paused = now.step.pauses
    now.at, now.done = now.at + 1, False
    if paused and not now.step.pauses:
        resume()


def leave(now: Tour) -> None:
    """Nothing stays paused behind it."""
    del st.session_state.tour
    if now.step.pauses:
        resume()


def resume() -> None:
    attempt("tour", lambda: fetch.set_gate("consumer", "running"))
    pulse().refresh()
