"""Logs of a system that runs for weeks do not fill the disk."""

from pathlib import Path

import pytest

from cqrs_demo.tooling.runtime import supervisor


def test_a_log_that_grew_too_long_is_set_aside_while_its_writer_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a program that keeps its log open
    monkeypatch.setattr(supervisor, "LOG_LIMIT", 100)
    log = tmp_path / "order-service.log"
    with log.open("ab", buffering=0) as program:
        program.write(b"old line\n" * 20)
        # When it has grown over the limit, and the program writes on
        supervisor.bound(log)
        program.write(b"new line\n")
    # Then the old lines are set aside, once, and the new one stands at the beginning of the log
    assert log.read_bytes() == b"new line\n"
    assert (tmp_path / "order-service.log.1").read_bytes() == b"old line\n" * 20


def test_a_short_log_and_one_that_is_not_there_are_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "user-service.log"
    supervisor.bound(log)
    log.write_bytes(b"line\n")
    supervisor.bound(log)
    assert [file.name for file in tmp_path.iterdir()] == ["user-service.log"]
