"""Hazards: the same orders and the same fault into this shop and into a naive one. What each has
lost, and beside it the line of code that did it and the line that prevents it."""

from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

import words
from clicks import button
from cqrs_demo.tooling.hazards.catalog import HAZARDS, Hazard
from cqrs_demo.tooling.hazards.lines import CodeLine
from cqrs_demo.tooling.runtime.rabbitmq_node import rabbitmq_server
from frame import attempt, complaint, guarded, live
from hazards.showing import hazards

HARM = (
    ("lost", "lost"),
    ("doubled", "doubled"),
    ("unseen", "not seen after the 201"),
)


STYLE = Path(__file__).parents[1] / "hazards" / "page.css"


def page() -> None:
    st.html(STYLE)
    st.markdown(
        "The same orders and the same fault into **two private shops**: one like this, and one "
        "without outbox and inbox."
    )
    choices()
    shown()


@live(1)
def choices() -> None:
    running = hazards().running
    row = st.container(horizontal=True, vertical_alignment="bottom")
    seed = row.number_input("Orders (seed)", 1, 9999, 1, key="seed", width=140)
    broker = row.segmented_control("Broker", brokers(), default="pgmq", key="hazard broker")
    buttons = st.container(horizontal=True)
    for hazard in HAZARDS:
        button(
            f"show {hazard.name}",
            hazard.title,
            begin,
            hazard,
            broker or "pgmq",
            int(seed),
            within=buttons,
            disabled=running is not None,
            type="primary" if chosen() is hazard else "secondary",
        )
    complaint("hazard")
    if running is not None:
        progress(running)


def brokers() -> list[str]:
    return ["pgmq", "rabbitmq"] if rabbitmq_server() else ["pgmq"]


def begin(hazard: Hazard, broker: str, seed: int) -> None:
    st.session_state["hazard"] = hazard.name
    attempt("hazard", lambda: hazards().start(hazard, broker, seed))


def chosen() -> Hazard:
    """The one that is being shown, else the one asked for last."""
    if (running := hazards().running) is not None:
        return running
    name = st.session_state.get("hazard", HAZARDS[0].name)
    return next(hazard for hazard in HAZARDS if hazard.name == name)


def progress(running: Hazard) -> None:
    does = "is being stopped" if hazards().stopping else "is being shown"
    with st.container(border=True):
        st.markdown(
            f":material/hourglass_top: **{running.title}** {does}, {hazards().seconds:.0f} s"
        )
        st.text("\n".join(hazards().said[-4:]) or "starting")
        button("stop hazard", "Stop", hazards().stop, disabled=hazards().stopping)


@live(1)
def shown() -> None:
    hazard = chosen()
    st.subheader(hazard.title)
    st.caption(hazard.what_happens)
    result = hazards().results.get(hazard.name)
    failure = hazards().failures.get(hazard.name)
    if failure:
        st.error("It could not be shown.", icon=":material/error:")
        st.code(failure, language=None, wrap_lines=True)
    for problem in result["problems"] if result else ():
        st.error(words.plain(problem), icon=":material/error:")
    ours, naive = result["shops"] if result else (None, None)
    lanes = (
        ("A naive shop", naive, hazard.naive_line, hazard.naive_result),
        ("This shop", ours, hazard.our_line, hazard.prevented_by),
    )
    for column, lane in zip(st.columns(2), lanes, strict=True):
        with column.container(border=True, height="stretch"):
            guarded(draw)(*lane)
    if result:
        st.caption(
            f"Seed {result['seed']} on {result['broker']}, {result['seconds']} s. In a terminal: "
            f"`cqrs-demo hazard show {hazard.name} --seed {result['seed']} "
            f"--broker {result['broker']}`"
        )


def draw(title: str, shop: dict[str, Any] | None, line: CodeLine, so: str) -> None:
    st.markdown(f"**{title}**")
    st.html(numbers(shop))
    st.caption(f"`cqrs_demo/{line.file}`, line {line.number}")
    st.code(line.code, language="sql" if is_sql(line) else "python", wrap_lines=True)
    st.markdown(so)


def is_sql(line: CodeLine) -> bool:
    return line.code.startswith(("insert", "on conflict"))


def numbers(shop: dict[str, Any] | None) -> str:
    """What went in and came out, and what is wrong, large. Nothing is known before it was shown."""
    if shop is None:
        running = hazards().running is not None
        why = "Under way …" if running else "Not shown yet: press its button above."
        return f'<div class="lane"><em>{why}</em></div>'
    cells = "".join(harm(name, shop[key]) for key, name in HARM if shop[key] is not None)
    accepted, invoiced = shop["accepted"], shop["invoiced"]
    flow = (
        f"{words.plural(accepted['count'], 'order')} accepted, {words.money(accepted['money'])} · "
        f"{words.plural(invoiced['count'], 'line')} on invoices, {words.money(invoiced['money'])}"
    )
    return f'<div class="lane"><em>{escape(flow)}</em><div class="harm">{cells}</div></div>'


def harm(name: str, tally: dict[str, Any]) -> str:
    some = tally["count"] > 0
    under = words.plural(tally["count"], "order") if some else "none"
    return (
        f'<div class="{"bad" if some else "good"}"><span>{escape(name)}</span>'
        f"<b>{words.money(tally['money'])}</b><em>{under}</em></div>"
    )


page()
