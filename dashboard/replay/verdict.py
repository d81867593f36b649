"""What verify has found: whether the read model is what the logs say, and what differs."""

from html import escape
from typing import Any

import streamlit as st

import words
from replay.runs import start_button
from system.reach import Row

NOT_THERE = "not there"


def verdict(run: Row) -> None:
    """All but the rows that differ; those are for a table of the full width."""
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
    set_aside(found)
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
        start_button("verify", "Mend it", {"fix": True})


def faults(found: Row) -> list[str]:
    """What is wrong beside rows that differ, or why those were not mended."""
    if found["refused"]:
        return [found["refused"]]
    overdue, lost = (
        words.plural(found["overdue"], "event"),
        words.plural(found["in_no_log"], "event"),
    )
    late = [
        f"{overdue} overdue: in a log for long, and still not projected. The strip above shows "
        "what stands still."
    ]
    in_no_log = [f"{lost} of the read model in no log. A replay is refused, unless it is forced."]
    return [
        *found["log_faults"],
        *(late if found["overdue"] else []),
        *(in_no_log if found["in_no_log"] else []),
    ]


def set_aside(found: Row) -> None:
    if found["set_aside"]:
        st.info(
            f"{words.plural(found['set_aside'], 'event')} set aside: see Dead letters.",
            icon=":material/report:",
        )


def differences_html(found: Row) -> str:
    """A line per field that differs, or per row that is on one side only: live and by the log."""
    rows = "".join(_row(*line) for found in found["differences"] for line in _lines_of(found))
    total, listed = sum(found["drift"].values()), len(found["differences"])
    more = f"<p>and {words.plural(total - listed, 'row')} more</p>" if total > listed else ""
    state = "fixed" if found["fixed"] else "wrong"
    return (
        f'<div class="differences {state}" role="region" aria-label="Differences"><table><thead>'
        "<tr><th>Row</th><th>Field</th><th>Live</th><th>By the log</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>{more}</div>"
    )


def _lines_of(difference: Row) -> list[tuple[str, str, str, str]]:
    """Row, field, live, by the log."""
    key = ", ".join(f"{name} {value}" for name, value in difference["key"].items())
    row = f"{difference['table']}, {key}"
    if difference["kind"] == "changed":
        fields = difference["fields"].items()
        return [(row, name, str(of["live"]), str(of["log"])) for name, of in fields]
    side = "log" if difference["kind"] == "missing" else "live"
    whole = ", ".join(f"{name} {of[side]}" for name, of in difference["fields"].items())
    there = (NOT_THERE, whole) if side == "log" else (whole, NOT_THERE)
    return [(row, "the whole row", *there)]


def _row(*cells: Any) -> str:
    where, field, live, log = (escape(str(cell)) for cell in cells)
    return (
        f'<tr><td>{where}</td><td>{field}</td><td class="live">{live}</td>'
        f'<td class="log">{log}</td></tr>'
    )
