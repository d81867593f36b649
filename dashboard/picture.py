"""The pipeline as a picture with live numbers on it: cards in the order in which an event passes
them.

It is HTML in a grid, not a drawing, so that it turns upright on a phone and takes the theme's
colours.
"""

from dataclasses import dataclass
from html import escape

import words
from pulse import Sample

SAYS = {"running": "running", "paused": "paused", "stuck": "cannot get on", "away": "down"}


@dataclass(frozen=True)
class Flow:
    """Events a second in and out of the pipeline, and seconds that the oldest waiting one has
    waited."""

    accepted: float
    projected: float
    lag: float


def picture(sample: Sample, flow: Flow, broker: str) -> str:
    user, order, consumer = (
        sample.mode(gate) for gate in ("user relay", "order relay", "consumer")
    )
    return f"""<div class="pipeline" role="img" aria-label="{_in_words(sample, flow)}">
{
        _card(
            "user-service",
            "command side",
            _end(sample, "user-service"),
            "events in its log",
            user if user == "away" else "running",
            "a1",
        )
    }
{
        _card(
            "order-service",
            "command side",
            _end(sample, "order-service"),
            "events in its log",
            order if order == "away" else "running",
            "b1",
        )
    }
{_arrow(flow.accepted, "x1")}
{_card("outbox", "user relay", words.number(sample.outbox("user relay")), "to publish", user, "a2")}
{
        _card(
            "outbox",
            "order relay",
            words.number(sample.outbox("order relay")),
            "to publish",
            order,
            "b2",
        )
    }
{_arrow(flow.accepted if "running" in (user, order) else 0, "x2")}
{_queues(sample, broker)}
{_arrow(flow.projected, "x3")}
{
        _card(
            "consumer",
            "inbox, projection",
            words.duration(sample.latency),
            "commit to invoice",
            consumer,
            "a4",
        )
    }
{
        _card(
            "dead letters",
            "set aside",
            words.number(sample.dead),
            "waiting",
            "away" if sample.dead else "quiet",
            "b4",
        )
    }
{_arrow(flow.projected, "x4")}
{
        _card(
            "invoices",
            "query side",
            f"{flow.lag:.0f} s" if flow.lag >= 1 else "0 s",
            "lag",
            _lagging(consumer, flow),
            "ab5",
        )
    }
</div>"""


def _end(sample: Sample, service: str) -> str:
    return words.number(sample.logs[service])


def _lagging(consumer: str, flow: Flow) -> str:
    if consumer == "away":
        return "away"
    return "paused" if flow.lag >= 1 else "running"


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
    queues = sample.queues() or dict.fromkeys(("user", "account", "order"))
    most = max(*(depth or 0 for depth in queues.values()), 20)
    rows = "".join(_queue(name, depth, most) for name, depth in queues.items())
    under = f'<div class="under">{escape(broker)}, a queue per entity</div>'
    return f'<div class="card broker ab3"><div class="top"><b>broker</b></div>{under}{rows}</div>'


def _queue(name: str, depth: int | None, most: int) -> str:
    bar = f'<em><i style="width:{100 * (depth or 0) / most:.0f}%"></i></em>'
    return f'<div class="queue"><span>{escape(name)}</span>{bar}<b>{words.number(depth)}</b></div>'


def _arrow(rate: float, place: str) -> str:
    flowing = "flowing" if rate >= 0.05 else ""
    return (
        f'<div class="arrow {flowing} '
        f'{place}"><span>{f"{rate:.0f}/s" if rate >= 0.5 else ""}</span><i></i></div>'
    )


def _in_words(sample: Sample, flow: Flow) -> str:
    """The picture for those who do not see it."""
    modes = ", ".join(f"{gate} {SAYS[sample.mode(gate)]}" for gate in sample.gates)
    rates = f"{flow.accepted:.0f} accepted and {flow.projected:.0f} projected a second"
    return f"Pipeline: {modes}; {words.plural(sample.waiting, 'event')} waiting, {rates}"
