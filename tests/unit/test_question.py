"""A question to a store that hangs is answered with "not known", soon, and asked once."""

import asyncio

import pytest

from cqrs_demo.messaging.broker import BrokerUnavailable
from cqrs_demo.tooling.controls import question
from cqrs_demo.tooling.controls.question import Question


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "WITHIN", 0.05)


def test_a_store_that_hangs_gives_no_answer_and_is_not_asked_twice() -> None:
    async def scenario() -> None:
        # Given a store that hangs, also when it is told to stop
        asked, thawed = 0, asyncio.Event()

        async def ask() -> int:
            nonlocal asked
            asked += 1
            await thawed.wait()
            return asked

        looking = Question(ask)

        # When it is asked again and again, then nothing is known, and one call is open
        assert [await looking.answer() for _ in range(3)] == [None, None, None]
        assert asked == 1

        # And once it thaws, it is asked anew: the old answer may be of long ago
        thawed.set()
        assert await looking.answer() == 2

    asyncio.run(scenario())


def test_a_store_that_is_away_gives_no_answer() -> None:
    async def ask() -> int:
        raise BrokerUnavailable("gone")

    assert asyncio.run(Question(ask).answer()) is None


def test_a_mistake_of_ours_is_not_taken_for_a_store_that_is_away() -> None:
    async def ask() -> int:
        raise KeyError("rows")

    with pytest.raises(KeyError):
        asyncio.run(Question(ask).answer())
