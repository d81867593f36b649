"""The strip: one line on every page. Who is well, what is on the way, what a fault has left behind,
and a button that heals all of that."""

from html import escape

import streamlit as st

import words
from frame import attempt, complaint, live
from system.fetch import GATES
from system.healing import heal_everything
from system.known import Fact
from system.pulse import pulse
from system.reach import SERVICES
from system.sample import Sample
from system.tally import OnTheWay

EVERY = 1.3  # seconds; with the pulse's 0.9 and its glance of 0.8, lights turn within three
WORST_FIRST = ("away", "unknown", "paused", "stuck", "running")


@live(EVERY)
def strip() -> None:
    sample = pulse().now()
    left = sample.left_behind()
    row = st.container(horizontal=True, vertical_alignment="center", key="strip")
    row.html(strip_html(sample, left))
    if left:
        row.button(
            "Heal everything",
            icon=":material/healing:",
            key="heal",
            on_click=heal,
            help=f"Mends what was broken and not mended yet: {', '.join(left)}",
        )
    complaint("heal")


def heal() -> None:
    sample = pulse().now()
    broker_is_away = sample.broker_mode == "away" and not sample.frozen
    attempt("heal", lambda: heal_everything(broker_is_away))
    pulse().refresh()


def strip_html(sample: Sample, left: list[str]) -> str:
    parts = [
        *(_service(service, sample) for service in SERVICES),
        _light(sample.broker_mode, f"broker {sample.broker_says}".strip()),
        *(_light("away", f"{name} frozen") for name in sample.frozen if name == "database"),
        _dead(sample.dead),
        _on_the_way(sample),
    ]
    return f'<div class="strip">{"".join(parts)}</div>'


def _service(service: str, sample: Sample) -> str:
    """Red where the service does nothing for anybody; amber where a loop of it rests."""
    gate = _worst(service, sample)
    mode = sample.mode(gate)
    if mode == "away":
        frozen = service in sample.frozen
        return _light("away", f"{service} {'is down: frozen' if frozen else 'is down'}")
    if mode == "unknown":
        return _light("unknown", f"{service}: unknown")
    if sample.database_is_away(gate):
        return _light("away", f"{service}: no database")
    if mode == "paused":
        return _light("paused", f"{service} · {gate} paused")
    if mode == "stuck" and sample.broker_mode != "away":  # else the broker's light says it
        return _light("stuck", f"{service} · {gate} {sample.trouble(gate)}")
    return _light("running", service)


def _worst(service: str, sample: Sample) -> str:
    """Of its loops, the one of which there is most to say."""
    gates = [gate for gate, whose in GATES.items() if whose == service]
    return min(gates, key=lambda gate: WORST_FIRST.index(sample.mode(gate)))


def _light(mode: str, says: str) -> str:
    return f'<span class="light {mode}"><i></i>{escape(says)}</span>'


def _dead(dead: Fact[int]) -> str:
    if dead.holds(lambda letters: letters > 0):
        return _light("away", dead.shown(lambda letters: words.plural(letters, "dead letter")))
    return ""


def _on_the_way(sample: Sample) -> str:
    unknown = {"on the way": sample.on_the_way, "dead letters": sample.dead}
    names = [name for name, fact in unknown.items() if not fact.fresh]
    if names:
        return _light("unknown rest", f"{' and '.join(names)}: unknown")
    return _light("rest", sample.on_the_way.shown(_waiting))


def _waiting(told: OnTheWay) -> str:
    if not told.events:
        return "everything is projected"
    since = f", the oldest for {words.duration(told.oldest)}" if told.oldest >= 2 else ""
    return f"{words.plural(told.events, 'event')} on the way{since}"
