"""How long events take from commit to projection is told of the last minute's events alone."""

from uuid import UUID, uuid4

from cqrs_demo.tooling.controls.latest import Latest


def born(second: float) -> UUID:
    return UUID(int=int(second * 1000) << 80 | 7 << 76 | 2 << 62)


def test_what_was_projected_longer_ago_than_a_minute_tells_nothing() -> None:
    # Given an event that took two seconds
    now = [1_000.0]
    latest = Latest(lambda: now[0])
    latest.note([born(998)])
    assert latest.latency() == 2.0

    # When a minute goes by without another, then nothing is known
    now[0] += 61
    assert latest.latency() is None


def test_the_median_of_the_newest_counts() -> None:
    # Given an event that waited for long, and two that came through at once
    now = [1_000.0]
    latest = Latest(lambda: now[0])
    latest.note([born(980), born(999.5), born(999.75)])

    # Then the one does not hide what is usual; an id that tells no time does not count
    latest.note([uuid4()])
    assert latest.latency() == 0.5
