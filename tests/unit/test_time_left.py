"""How long a replay still takes is told once there is enough to go on, and then about right."""

import pytest

from cqrs_demo.invoice_service.replay import runs
from cqrs_demo.invoice_service.replay.runs import Run


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(runs, "time", clock)
    return clock


def read_to(run: Run, position: int) -> None:
    run.progress.position = position
    run.progress.tell(run.progress)


def test_a_slow_start_is_not_taken_for_the_speed_of_the_rest(clock: Clock) -> None:
    # Given a run of 100,000 positions that takes three seconds before it has read a first page
    run = Run("replay")
    run.progress.end = 100_000
    clock.now += 3
    read_to(run, 1_000)

    # Then nothing is said yet
    assert run.status()["seconds_left"] is None

    # When a second later it has read 20,000 more, then four seconds are left: not fifteen
    clock.now += 1
    read_to(run, 21_000)
    assert run.status()["seconds_left"] == pytest.approx(79 / 20, abs=0.06)


def test_once_all_is_read_nothing_is_said(clock: Clock) -> None:
    # Given a run that has read all, and still compares
    run = Run("verify")
    run.progress.end = 2_000
    read_to(run, 1_000)
    clock.now += 2
    read_to(run, 2_000)

    # Then it does not say "0 ms left"
    assert run.status()["seconds_left"] is None
