"""lag: at 200 orders a second, how long after its 201 an order is on its invoice, hop by hop.

The services' own logs say when each event was committed, published and projected, and the inbox row
when it was received; the client says when it read the 201. One machine, one clock. A lag below zero
is an order that was on its invoice before its client had read the answer.
"""

from collections.abc import Iterator
from datetime import datetime

from cqrs_demo.tooling.bench.figures import Figure, Say, Scale, verdict
from cqrs_demo.tooling.bench.load import LoadFailed, in_milliseconds, orders, send
from cqrs_demo.tooling.bench.rig import LogTail, Rig, wait_until

RATE = 200.0
CLIENTS = 32
HOPS = (("committed", "published"), ("published", "received"), ("received", "projected"))

Moments = dict[str, float]
"""Event id to Unix time."""


def measure(rig: Rig, scale: Scale, say: Say) -> Iterator[Figure]:
    say(f"lag, {rig.broker}: {scale.lag_seconds:.0f} s at {RATE:.0f} orders/s")
    requests = orders(rig.orders_url, range(1, 1001))
    send(
        rig.orders_url, requests, connections=CLIENTS, seconds=min(scale.lag_seconds, 2), rate=RATE
    )  # warm-up
    logs = {"order": rig.log("order-service"), "invoice": rig.log("invoice-service")}
    outcome = send(
        rig.orders_url,
        requests,
        connections=CLIENTS,
        seconds=scale.lag_seconds,
        rate=RATE,
        events=True,
    ).expect_no_refusals()
    answered = dict(outcome.events)
    at = _moments(rig, logs, answered)
    lag = in_milliseconds([at["projected"][id] - moment for id, moment in answered.items()])
    notes: dict[str, float | str] = {name: round(value, 1) for name, value in lag.items()}
    goal = verdict(lag["p50"] <= 15 and lag["p99"] <= 50, "p50 ≤ 15 ms, p99 ≤ 50 ms")
    yield Figure("lag", "201 → projected", "ms (p50)", [lag["p50"]], rig.broker, notes, **goal)
    for first, then in HOPS:
        hop = in_milliseconds([at[then][id] - at[first][id] for id in answered])
        notes = {name: round(value, 1) for name, value in hop.items()}
        yield Figure("lag", f"{first} → {then}", "ms (p50)", [hop["p50"]], rig.broker, notes)


def _moments(rig: Rig, logs: dict[str, LogTail], answered: Moments) -> dict[str, Moments]:
    """When each of the events reached each hop. Raises LoadFailed when one did not."""
    wait_until(
        lambda: answered.keys() <= _logged(logs["invoice"], "projected").keys(),
        seconds=20,
        every=0.2,
    )
    at = {
        "committed": _logged(logs["order"], "committed"),
        "published": _logged(logs["order"], "published"),
        "received": _received(rig, answered),
        "projected": _logged(logs["invoice"], "projected"),
    }
    for hop, moments in at.items():
        if missing := answered.keys() - moments.keys():
            raise LoadFailed(
                f"the oracle says no: {len(missing)} of {len(answered)} accepted orders were "
                f"never {hop}"
            )
    return at


def _logged(log: LogTail, hop: str) -> Moments:
    lines = [line for line in log.read() if line.get("event") == hop]
    return {
        id: datetime.fromisoformat(line["timestamp"]).timestamp()
        for line in lines
        for id in line["events"]
    }


def _received(rig: Rig, answered: Moments) -> Moments:
    query = (
        "select event_id::text, extract(epoch from processed_at)::float8 from "
        "demo.processed_events where event_id = any(%s::uuid[])"
    )
    return dict(rig.execute("invoice_service", query, list(answered)))
