"""A log line that cannot be written decides nothing."""

import json
import os
import sys
from pathlib import Path

import pytest

from cqrs_demo.logs import Unfailing, _json

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no /dev/full on Windows")


def test_a_full_disk_does_not_raise() -> None:
    with Path("/dev/full").open("wb") as full:
        assert Unfailing(full.fileno()).write("a line\n") == 7


def test_a_pipe_that_nobody_reads_does_not_raise() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    Unfailing(writer).write("a line\n")
    os.close(writer)


def test_the_first_line_that_can_be_written_again_says_how_many_could_not(tmp_path: Path) -> None:
    # Given two lines that were dropped
    with Path("/dev/full").open("wb") as full, (tmp_path / "log").open("wb") as log:
        stream, elsewhere = Unfailing(full.fileno()), os.dup(full.fileno())
        stream.write("one\n")
        stream.write("two\n")
        # When there is room again
        os.dup2(log.fileno(), full.fileno())
        stream.write("three\n")
        os.dup2(elsewhere, full.fileno())
        os.close(elsewhere)
    # Then
    told, line = (tmp_path / "log").read_text().splitlines()
    assert json.loads(told)["event"] == "2 log lines could not be written"
    assert line == "three"


def test_half_a_surrogate_pair_can_be_logged() -> None:
    assert json.loads(_json({"event": "\ud83d"})) == {"event": "\ud83d"}
