"""query: invoices per second, and how long one takes while a thousand a second are asked for."""

import random
from collections.abc import Iterator

from cqrs_demo.tooling.bench import prepared
from cqrs_demo.tooling.bench.figures import Figure, Say, Scale, verdict
from cqrs_demo.tooling.bench.load import Outcome, get, in_milliseconds, send
from cqrs_demo.tooling.bench.rig import Rig

FIRST_USER = 3_000_001
CLIENTS = 32
RATE = 1_000.0


def measure(rig: Rig, scale: Scale, say: Say) -> Iterator[Figure]:
    say(f"query: filling in {scale.invoices:,} invoices of five lines")
    prepared.invoices(rig, FIRST_USER, scale.invoices)
    picks = random.Random(1)  # noqa: S311  # the same requests in every run
    users = [FIRST_USER + picks.randrange(scale.invoices // 12) for _ in range(2_000)]
    requests = [
        get(f"{rig.invoices_url}?user_id={user}&month={user % 12 + 1}&year=2025") for user in users
    ]

    def ask(rate: float | None = None) -> Outcome:
        outcome = send(
            rig.invoices_url,
            requests,
            connections=CLIENTS,
            seconds=scale.seconds,
            wanted=200,
            rate=rate,
        )
        return outcome.expect_no_refusals()

    ask()  # warm-up
    say("query: asking")
    flat_out, steady = [], []
    for _ in range(scale.rounds):
        flat_out.append(ask())
        steady.append(ask(RATE))
    latencies = in_milliseconds([latency for run in flat_out for latency in run.latencies])
    notes: dict[str, float | str] = {
        "p50 ms": round(latencies["p50"], 1),
        "p99 ms": round(latencies["p99"], 1),
    }
    yield Figure(
        "query",
        f"{scale.invoices:,} invoices, {CLIENTS} clients",
        "invoices/s",
        [run.rate for run in flat_out],
        notes=notes,
    )
    p99s = [run.quantile(0.99) * 1000 for run in steady]
    figure = Figure(
        "query", f"{scale.invoices:,} invoices, at {RATE:,.0f} queries/s", "ms (p99)", p99s
    )
    latencies = in_milliseconds([latency for run in steady for latency in run.latencies])
    notes = {
        "p50 ms": round(latencies["p50"], 1),
        "asked/s": round(min(run.rate for run in steady)),
    }
    yield Figure(**{**vars(figure), "notes": notes, **verdict(figure.value <= 5, "p99 ≤ 5 ms")})
