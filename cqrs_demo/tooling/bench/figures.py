"""What a measurement yields, and how much of it is measured."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from cqrs_demo.tooling.bench.rig import Rig

Say = Callable[[str], None]


@dataclass(frozen=True)
class Figure:
    """One row of the table. `rounds` are the repetitions' results; the figure is their median.

    `broker` is empty where no broker has part in it. `notes` are shown beside the figure: latencies
    in ms, shares, counts. `goal` says what was aimed at and `met` whether it was reached; None
    where nothing was.
    """

    measurement: str
    name: str
    unit: str
    rounds: list[float]
    broker: str = ""
    notes: dict[str, float | str] = field(default_factory=dict)
    goal: str = ""
    met: bool | None = None

    @property
    def value(self) -> float:
        return statistics.median(self.rounds)

    def plain(self) -> dict[str, object]:
        return {**vars(self), "value": self.value}


@dataclass(frozen=True)
class Scale:
    """How much is measured. Seconds are those of one run of load: many short ones rather than few
    long ones, because a machine that is shared has moods, and they last for seconds."""

    rounds: int
    seconds: float
    drains: int
    end_to_end_seconds: float
    lag_seconds: float
    drained_events: int
    invoices: int
    replayed_events: int
    few_orders: int
    many_orders: int
    longest_invoice: int
    clients: tuple[int, ...]


FULL = Scale(
    9, 0.7, 3, 20, 10, 20_000, 100_000, 1_000_000, 10_000, 1_000_000, 10_000, (1, 8, 32, 64)
)
QUICK = Scale(1, 0.5, 1, 2, 2, 2_000, 2_000, 20_000, 1_000, 10_000, 1_000, (1, 32))

Measurement = Callable[[Rig, Scale, Say], Iterator[Figure]]


def in_turn(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The ratio of what was measured in turn: the median over the rounds, since what slowed the
    machine in a round slowed both."""
    return statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))


class Goal(TypedDict, total=False):
    """The two fields of a figure that has a goal."""

    goal: str
    met: bool


def verdict(met: bool, goal: str) -> Goal:
    return {"goal": goal, "met": met}
