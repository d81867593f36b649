"""Replay: is the read model what the logs say, and make it so; both while it goes on serving."""

import streamlit as st

import fetch
import reach
import words
from frame import attempt, complaint, live

STEPS = {
    "starting": "Starting",
    "building": "Reading the logs into shadow tables",
    "comparing": "Comparing the shadow with the live model",
    "catching up": "Catching up with what happened meanwhile",
    "swapping": "Swapping the tables",
}


def page() -> None:
    runs()
    st.divider()
    report()


@live(0.5)
def runs() -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Verify")
        st.markdown(
            "Builds the read model a second time, from the logs, and compares it with the live "
            "one row by row."
        )
        verifying(fetch.last_run("verify"))
    with right:
        st.subheader("Replay")
        st.markdown(
            "Builds it a second time and swaps it in. Invoices are served and orders projected "
            "all the while."
        )
        replaying(fetch.last_run("replay"))


def verifying(run: reach.Row | None) -> None:
    busy = controls("verify", "Verify", run)
    if run and not busy and run["state"] == "done":
        verdict(run)


def replaying(run: reach.Row | None) -> None:
    busy = controls("replay", "Replay everything", run)
    if run and not busy and run["state"] == "done":
        events, speed = (
            words.plural(run["result"]["events"], "event"),
            words.number(run["events_per_second"]),
        )
        st.success(
            f"{events} replayed in {words.duration(run['seconds'])}, {speed} a second.",
            icon=":material/check_circle:",
        )
        dead_letters(run["result"])
        if run["result"]["in_no_log"]:
            st.caption(
                f"{words.plural(run['result']['in_no_log'], 'event')} had counted and is in no "
                "log: it counts no more."
            )


def controls(kind: str, label: str, run: reach.Row | None) -> bool:
    """Whether it runs: then its progress and a button to stop it, else one to start it, and how the
    last one ended."""
    if run and run["state"] == "running":
        progress(run)
        st.button("Stop", icon=":material/stop:", key=f"stop {kind}", on_click=stop, args=(kind,))
        return True
    st.button(
        label,
        type="primary",
        icon=":material/play_arrow:",
        key=f"start {kind}",
        on_click=start,
        args=(kind, {}),
    )
    complaint(kind)
    if run and run["state"] == "failed":
        st.error(words.plain(run["error"]), icon=":material/error:")
    if run and run["state"] == "stopped":
        st.info("Stopped. The live model is as it was.", icon=":material/stop_circle:")
    return False


def progress(run: reach.Row) -> None:
    share = min(1.0, run["position"] / run["end"]) if run["end"] else 0.0
    left = (
        f", {words.duration(float(run['seconds_left']))} left"
        if run["seconds_left"] is not None
        else ""
    )
    st.progress(share, STEPS.get(run["step"], run["step"].capitalize()))
    st.caption(
        f"{words.plural(run['events'], 'event')}, {words.number(run['events_per_second'])} a "
        f"second{left}"
    )


def start(kind: str, body: reach.Row) -> None:
    attempt(kind, lambda: fetch.start_run(kind, body))


def stop(kind: str) -> None:
    attempt(kind, lambda: fetch.stop_run(kind))


def verdict(run: reach.Row) -> None:
    found = run["result"]
    checked = (
        f"{words.plural(found['events'], 'event')} checked in {words.duration(run['seconds'])}."
    )
    if found["pending"]:
        st.info(
            f"{words.plural(found['pending'], 'event')} not projected yet: that is lag, and no "
            "drift.",
            icon=":material/schedule:",
        )
    dead_letters(found)
    for fault in faults(found):
        st.error(words.plain(fault), icon=":material/error:")
    if not found["drift"]:
        st.success(f"The read model is what the logs say. {checked}", icon=":material/verified:")
        return
    rows = words.plural(sum(found["drift"].values()), "row")
    if found["fixed"]:
        st.success(f"{rows} differed, and are mended. {checked}", icon=":material/build:")
    else:
        st.error(f"{rows} differ from what the logs say. {checked}", icon=":material/difference:")
        st.button(
            "Mend it",
            icon=":material/build:",
            on_click=start,
            args=("verify", {"fix": True}),
            key="mend",
        )
    st.dataframe(
        [line for difference in found["differences"] for line in lines_of(difference)],
        hide_index=True,
    )


def faults(found: reach.Row) -> list[str]:
    """What is wrong beside rows that differ, or why those were not mended."""
    if found["refused"]:
        return [found["refused"]]
    overdue, lost = (
        words.plural(found["overdue"], "event"),
        words.plural(found["in_no_log"], "event"),
    )
    late = [
        f"{overdue} overdue: in a log for long, and still not projected. Stage shows "
        "what stands still."
    ]
    in_no_log = [f"{lost} of the read model in no log. A replay is refused, unless it is forced."]
    return [
        *found["log_faults"],
        *(late if found["overdue"] else []),
        *(in_no_log if found["in_no_log"] else []),
    ]


def dead_letters(found: reach.Row) -> None:
    if found["set_aside"]:
        st.info(
            f"{words.plural(found['set_aside'], 'event')} set aside: see Dead letters.",
            icon=":material/report:",
        )


def lines_of(difference: reach.Row) -> list[reach.Row]:
    """A line per field that differs."""
    key = ", ".join(f"{name} {value}" for name, value in difference["key"].items())
    return [
        {
            "Table": difference["table"],
            "Row": key,
            "Is": difference["kind"],
            "Field": name,
            "Live": str(values.get("live", "")),
            "By the log": str(values.get("log", "")),
        }
        for name, values in difference["fields"].items()
    ]


@live(10)
def report() -> None:
    st.subheader("A read model that came later")
    years = fetch.invoiced_years()
    if not years:
        st.caption("Revenue by month and the best customers, once there are orders.")
        return
    told = fetch.revenue(years[0])
    orders = words.plural(told["orders"], "order")
    text = (
        "Revenue is a second table made of the same events: "
        f"**{words.plain(words.money(told['revenue']))}** from {orders} in {years[0]}. "
    )
    st.markdown(
        text + "It was added without touching the command services, and a replay fills it with all "
        "that happened before it existed."
    )
    st.page_link(
        "views/invoices.py", label="See it under Invoices, Revenue", icon=":material/bar_chart:"
    )


page()
