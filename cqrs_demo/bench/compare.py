"""How many times as fast as the peer: ratios between figures of one run."""

from collections.abc import Iterator, Sequence

from cqrs_demo.bench.figures import Figure, verdict

GOALS = {"rabbitmq": 10, "pgmq": 14}


def against_peer(figures: Sequence[Figure]) -> Iterator[Figure]:
    """For each end to end figure over a thousand users, its ratio to the peer's. None when the peer was not measured."""
    peers = [figure for figure in figures if figure.measurement == "peer" and figure.name.startswith("end to end")]
    for figure in figures:
        if peers and figure.measurement == "end to end" and figure.name.startswith("1,000 users"):
            ratio, goal = figure.value / peers[0].value, GOALS[figure.broker]
            notes: dict[str, float | str] = {"lost by the peer": peers[0].notes["lost"]}
            yield Figure("ratio", "end to end, this : peer", "×", [ratio], figure.broker, notes, **verdict(ratio >= goal, f"≥ {goal} ×"))
