"""How many times as fast as the peer: ratios between figures of one run."""

from collections.abc import Iterator, Sequence

from cqrs_demo.tooling.bench.figures import Figure, in_turn, verdict

IN_TURN = "1,000 users, in turn with the peer"


def against_peer(figures: Sequence[Figure]) -> Iterator[Figure]:
    """End to end, over a thousand users: on RabbitMQ, as the peer, measured in turn with it; on
    PGMQ earlier in the same run. None when the peer was not measured."""
    peers = [
        figure
        for figure in figures
        if figure.measurement == "peer" and figure.name.startswith("end to end")
    ]
    for peer in peers:
        for figure in figures:
            if figure.name == IN_TURN:
                yield _ratio(figure, in_turn(figure.rounds, peer.rounds), 10, peer)
            elif (
                figure.measurement == "end to end"
                and figure.broker == "pgmq"
                and figure.name.startswith("1,000 users")
            ):
                yield _ratio(figure, figure.value / peer.value, 14, peer)


def _ratio(figure: Figure, ratio: float, goal: float, peer: Figure) -> Figure:
    notes: dict[str, float | str] = {"lost by the peer": peer.notes["lost"]}
    return Figure(
        "ratio",
        "end to end, this : peer",
        "×",
        [ratio],
        figure.broker,
        notes,
        **verdict(ratio >= goal, f"≥ {goal} ×"),
    )
