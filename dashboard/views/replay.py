"""Replay: is the read model what the logs say, and make it so; both while it goes on serving.
Next: runs.py, verdict.py and damage.py in replay/.
"""

import streamlit as st

import words
from frame import guarded, live
from replay.damage import damage_button, damaged_invoice
from replay.runs import controls
from replay.verdict import differences_html, set_aside, verdict
from system import fetch
from system.pulse import pulse
from system.reach import Row


def page() -> None:
    cards()
    damaged_invoice()
    st.divider()
    report()


@live(0.5)
def cards() -> None:
    found, replayed = fetch.last_run("verify"), fetch.last_run("replay")
    damage, verify, replay = st.columns(3)
    with damage.container(border=True):
        damaging()
    with verify.container(border=True):
        verifying(found)
    with replay.container(border=True):
        replaying(replayed)
    if found and found["state"] == "done" and found["result"]["drift"]:
        st.html(differences_html(found["result"]))


@guarded
def damaging() -> None:
    st.markdown("#### 1 · Damage")
    st.markdown("Changes rows of the read model by hand, behind the projection's back.")
    if pulse().now().has_controls():
        damage_button()
    else:
        st.caption("Only with the workshop's controls: `CQRS_WORKSHOP=1`.")


def verifying(run: Row | None) -> None:
    st.markdown("#### 2 · Verify")
    st.markdown("Builds the read model a second time, from the logs, and compares row by row.")
    busy = controls("verify", "Verify", run)
    if run and not busy and run["state"] == "done":
        verdict(run)


def replaying(run: Row | None) -> None:
    st.markdown("#### 3 · Replay")
    st.markdown("Builds it a second time and swaps it in. Invoices are served all the while.")
    busy = controls("replay", "Replay everything", run)
    if run and not busy and run["state"] == "done":
        replayed(run)


def replayed(run: Row) -> None:
    found = run["result"]
    st.success(
        f"{words.plural(found['events'], 'event')} replayed in {words.duration(run['seconds'])}, "
        f"{words.number(run['events_per_second'])} a second.",
        icon=":material/check_circle:",
    )
    set_aside(found)
    if found["in_no_log"]:
        st.caption(
            f"{words.plural(found['in_no_log'], 'event')} had counted and is in no log: it counts "
            "no more."
        )


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
        "views/invoices.py",
        label="See it under Invoices, Revenue",
        icon=":material/bar_chart:",
        query_params={"invoices_tab": "Revenue"},
    )


page()
