"""The supervisor says what it waits for, and starts again who was told something that is no longer
so."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cqrs_demo.tooling.runtime import supervisor
from cqrs_demo.tooling.runtime.parts import Part
from cqrs_demo.tooling.runtime.supervisor import Supervisor
from tests.fixtures.shop import eventually


class Pretended(Part):
    """A part without a process: it works when `works` says so, and counts its starts."""

    def __init__(self, name: str, folder: Path, works: Callable[[], bool] = lambda: True) -> None:
        self.name, self.log, self._works = name, folder / name, works
        self.starts, self.told, self.address = 0, "", ""
        self._alive = False

    def start(self) -> None:
        self.starts += 1
        self.told = self.address
        self._alive = True

    def alive(self) -> bool:
        return self._alive

    def answers(self) -> bool:
        return self._works()

    def where(self) -> str:
        return "nowhere"

    def outdated(self) -> bool:
        return self.told != self.address

    def stop(self) -> None:
        self._alive = False


def test_a_start_that_takes_long_says_what_it_waits_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a part that works only once somebody complained about it, one beside it that works at
    # once, and one that comes later
    monkeypatch.setattr(supervisor, "SAY_WHAT_IS_MISSING", (0.0, 60.0))
    said: list[str] = []
    slow = Pretended("slow", tmp_path, works=lambda: any(line.startswith("After") for line in said))
    started = Supervisor(
        [[Pretended("quick", tmp_path), slow], [Pretended("later", tmp_path)]],
        said.append,
        lambda _: None,
    )
    # When they are started, then it is said which of them is missing, and which is still to come
    started.run(when_ready=started.ask_to_stop)
    [complaint] = [line for line in said if line.startswith("After")]
    assert complaint.endswith(
        ("waiting for slow; then come later", "waiting for quick, slow; then come later")
    )


def test_who_was_told_an_address_that_has_changed_is_started_again(tmp_path: Path) -> None:
    # Given two parts that work
    said: list[str] = []
    reader, bystander = Pretended("reader", tmp_path), Pretended("bystander", tmp_path)
    running = Supervisor([[reader, bystander]], said.append, lambda _: None)
    thread = threading.Thread(target=running.run, args=(lambda: None,))
    thread.start()
    try:
        eventually(lambda: sum("works" in line for line in said) == 2)
        # When one of them was told what is no longer so
        reader.address = "somewhere else"
        # Then it is started again, and told anew; the other is left alone
        eventually(lambda: reader.starts == 2 and reader.told == "somewhere else")
        assert bystander.starts == 1
        assert any(
            line.startswith("reader was told of another part's address, and that has changed")
            for line in said
        )
    finally:
        running.ask_to_stop()
        thread.join()
