"""The pipeline as a picture with live numbers on it: cards in the order in which an event passes
them.

It is HTML in a grid, not a drawing, so that it turns upright on a phone and takes the theme's
colours. What it shows is facts (known.py): what is not known says so, and its arrow rests.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import words
from known import Fact
from pulse import rate
from sample import RELAYS, Sample
from tally import OnTheWay

SAYS = {
    "running": "running",
    "paused": "paused",
    "stuck": "cannot get on",
    "away": "down",
    "no-database": "no database",
    "unknown": "unknown",
}
SERVICES = {"user relay": "user-service", "order relay": "order-service"}


@dataclass(frozen=True)
class Flow:
    """Events a second. `accepted` by service, `published` by relay: what the broker confirmed."""

    accepted: dict[str, Fact[float]]
    published: dict[str, Fact[float]]
    projected: Fact[float]


def flow_of(samples: Sequence[Sample]) -> Flow:
    """Over the newest few."""
    return Flow(
        {
            service: rate(samples, lambda sample, service=service: sample.logs[service])
            for service in SERVICES.values()
        },
        {
            relay: rate(samples, lambda sample, relay=relay: sample.published(relay))
            for relay in RELAYS
        },
        rate(samples, Sample.projected),
    )


def picture(sample: Sample, flow: Flow, broker: str) -> str:
    rows = zip(RELAYS, ("a", "b"), strict=True)
    return (
        f'<div class="pipeline" role="img" aria-label="{_in_words(sample, flow)}">'
        + "".join(_write_side(sample, flow, relay, row) for relay, row in rows)
        + _queues(sample, broker)
        + _arrow(flow.projected, "x3")
        + _card(
            "consumer",
            "inbox, projection",
            sample.latency().shown(words.duration),
            "commit to invoice, in the last minute",
            sample.mode("consumer"),
            "a4",
        )
        + _card(
            "dead letters",
            "set aside",
            sample.dead.shown(words.number),
            "waiting",
            _quiet(sample.dead),
            "b4",
        )
        + _arrow(flow.projected, "x4")
        + _card(
            "invoices",
            "query side",
            sample.on_the_way.shown(_lag),
            sample.on_the_way.shown(_behind),
            _lagging(sample),
            "ab5",
        )
        + "</div>"
    )


def _write_side(sample: Sample, flow: Flow, relay: str, row: str) -> str:
    """A service, its outbox, and an arrow from each."""
    service, mode = SERVICES[relay], sample.mode(relay)
    is_there = mode if mode in ("away", "unknown") else "running"
    if sample.database_is_away(relay):
        is_there = "no-database"
    log, waiting = sample.logs[service], sample.outbox(relay)
    return (
        _card(
            service,
            "command side",
            log.shown(words.number),
            "events in its log",
            is_there,
            f"{row}1",
        )
        + _arrow(flow.accepted[service], f"{row}x1")
        + _card("outbox", relay, waiting.shown(words.number), "to publish", mode, f"{row}2")
        + _arrow(flow.published[relay], f"{row}x2")
    )


def _lag(told: OnTheWay) -> str:
    return "–" if told.oldest is None else f"{told.oldest:.0f} s"


def _behind(told: OnTheWay) -> str:
    return f"lag, {words.plural(told.events, 'event')} behind" if told.events else "lag"


def _lagging(sample: Sample) -> str:
    if not sample.on_the_way.fresh:
        return "away" if sample.mode("consumer") == "away" else "unknown"
    return "paused" if sample.on_the_way.holds(lambda told: (told.oldest or 0) >= 1) else "running"


def _quiet(dead: Fact[int]) -> str:
    if not dead.fresh:
        return "unknown"
    return "quiet" if dead.holds(lambda letters: letters == 0) else "away"


def _card(title: str, under: str, value: str, unit: str, mode: str, place: str) -> str:
    pill = (
        f'<span class="light {mode}"><i></i>{SAYS.get(mode, "")}</span>'
        if mode in SAYS and place not in ("b4", "ab5")
        else ""
    )
    return f"""<div class="card {mode} {place}">
<div class="top"><b>{title}</b>{pill}</div><div class="under">{under}</div>
<div class="value">{value}</div><div class="unit">{unit}</div></div>"""


def _queues(sample: Sample, broker: str) -> str:
    mode = sample.broker_mode
    depths = sample.queues.or_none() or dict.fromkeys(("user", "account", "order"))
    most = max(*(depth or 0 for depth in depths.values()), 20)
    rows = "".join(_queue(name, depth, most) for name, depth in depths.items())
    pill = f'<span class="light {mode}"><i></i>{sample.broker_says or SAYS[mode]}</span>'
    return (
        f'<div class="card broker {mode} ab3"><div class="top"><b>broker</b>{pill}</div>'
        f'<div class="under">{escape(broker)}, a queue per entity</div>{rows}</div>'
    )


def _queue(name: str, depth: int | None, most: int) -> str:
    """`depth` None: not known."""
    width = 0 if depth is None else 100 * depth / most
    bar = f'<em><i style="width:{width:.0f}%"></i></em>'
    says = "unknown" if depth is None else words.number(depth)
    return f'<div class="queue"><span>{escape(name)}</span>{bar}<b>{says}</b></div>'


def _arrow(rate: Fact[float], place: str) -> str:
    """It moves only where something is known to."""
    flowing = "flowing" if rate.holds(lambda value: value >= 0.05) else ""
    says = rate.shown(_a_second) if rate.fresh else "?"
    return f'<div class="arrow {flowing} {place}"><span>{says}</span><i></i></div>'


def _a_second(rate: float) -> str:
    if rate < 0.05:
        return ""
    return f"{rate:.0f}/s" if rate >= 0.95 else f"{rate:.1f}/s"


def _in_words(sample: Sample, flow: Flow) -> str:
    """The picture for those who do not see it."""
    modes = ", ".join(f"{gate} {SAYS[sample.mode(gate)]}" for gate in sample.gates)
    published = ", ".join(
        f"{relay} publishes {rate.shown(lambda value: f'{value:.0f}')} a second"
        for relay, rate in flow.published.items()
    )
    on_the_way = sample.on_the_way.shown(lambda told: words.plural(told.events, "event"))
    return (
        f"Pipeline: {modes}; broker {sample.broker_says or 'running'}; {published}; "
        f"on the way: {on_the_way}"
    )
