"""A verify or a replay: its button, its progress while it runs, and how the last one ended."""

import streamlit as st

import words
from clicks import button
from cqrs_demo.client.client import Kind
from frame import attempt, complaint
from system import fetch
from system.reach import Row

STEPS = {
    "starting": "Starting",
    "building": "Reading the logs into shadow tables",
    "comparing": "Comparing the shadow with the live model",
    "catching up": "Catching up with what happened meanwhile",
    "swapping": "Swapping the tables",
}


def controls(kind: Kind, label: str, run: Row | None) -> bool:
    """Whether it runs: then its progress and a button to stop it, else one to start it, and how the
    last one ended."""
    if run and run["state"] == "running":
        progress(run)
        button(f"stop {kind}", "Stop", stop, kind, icon=":material/stop:")
        return True
    start_button(kind, label)
    complaint(kind)
    if run and run["state"] == "failed":
        st.error(words.plain(run["error"]), icon=":material/error:")
    if run and run["state"] == "stopped":
        st.info("Stopped. The live model is as it was.", icon=":material/stop_circle:")
    return False


def start_button(kind: Kind, label: str, body: Row | None = None) -> None:
    button(
        f"start {kind} {label}",
        label,
        start,
        kind,
        body or {},
        type="primary",
        icon=":material/build:" if body else ":material/play_arrow:",
    )


def progress(run: Row) -> None:
    share = min(1.0, run["position"] / run["end"]) if run["end"] else 0.0
    left = run["seconds_left"]
    soon = f", {words.duration(float(left))} left" if left is not None else ""
    st.progress(share, STEPS.get(run["step"], run["step"].capitalize()))
    st.caption(
        f"{words.plural(run['events'], 'event')}, {words.number(run['events_per_second'])} a "
        f"second{soon}"
    )


def start(kind: Kind, body: Row) -> None:
    attempt(kind, lambda: fetch.start_run(kind, body))
    fetch.last_run.clear()


def stop(kind: Kind) -> None:
    attempt(kind, lambda: fetch.stop_run(kind))
    fetch.last_run.clear()
