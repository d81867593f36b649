"""What a terminal is shown of data that somebody else wrote."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from rich.table import Table

from cqrs_demo.tooling.cli import dead_letters, events
from cqrs_demo.tooling.cli.replaying import _print_json
from cqrs_demo.tooling.cli.show import console, plain, say

STEERING = "\x1b[31mred\x1b[0m \x07\x08\x9b2J\r\u202egnp.exe"


def test_characters_that_steer_a_terminal_are_made_visible() -> None:
    shown = plain(STEERING)
    assert shown == r"\x1b[31mred\x1b[0m \x07\x08\x9b2J\r\u202egnp.exe"
    assert plain("Zoë ☕ 名\n\tnext line") == "Zoë ☕ 名\n\tnext line"


def test_nothing_that_a_command_says_steers_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say(f"Body:\n{STEERING}")
    out = capsys.readouterr().out
    assert out.startswith("Body:\n")
    assert not set(out) & set("\x1b\x07\x08\x9b\r\u202e")


EVENT: dict[str, Any] = {
    "id": "01a204e9-4f16-7806-81f1-711ee4a986d1",
    "time": "2026-11-22T20:18:48.727891Z",
    "source": "/order-service",
    "sequence": "1",
    "type": "order.created",
    "data": {"id": 1, "user_id": 1, "description": STEERING, "amount": 5.0},
}


def test_an_event_is_told_in_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    events._print_event(EVENT, "")
    told = r"user 1 orders \x1b[31mred\x1b[0m \x07\x08\x9b2J\r\u202egnp.exe for 5.00 (order 1)"
    assert told in capsys.readouterr().out


def test_an_event_cannot_make_up_another_line_of_the_timeline(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made_up = {**EVENT["data"], "description": "Widget\n2026-11-22 user 1 is gone"}
    events._print_event({**EVENT, "data": made_up}, "")
    [line] = capsys.readouterr().out.splitlines()
    assert r"Widget\n2026-11-22 user 1 is gone" in line


@pytest.mark.parametrize("table", [dead_letters._groups, dead_letters._letters])
def test_dead_letters_are_listed_in_plain_text(
    table: Callable[[list[dict[str, Any]]], Table], capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a message whose type, and so the reason, was written by somebody else
    letter = {"id": 1, "letters": 1, "failures": 1, "status": "waiting", "last_failed": "today"}
    console().print(table([{**letter, "event_type": STEERING, "reason": f"unknown\n{STEERING}"}]))
    out = capsys.readouterr().out
    assert not set(out) & set("\x1b\x07\x08\x9b\r\u202e")
    assert r"unknown\n\x1b[31mred" in out


def test_json_says_the_same_in_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    # Given JSON, which may hold characters from U+007F on as they are
    events._print_line({}, json.dumps({"said": STEERING}, ensure_ascii=False))
    _print_json({"said": STEERING})
    for line in capsys.readouterr().out.splitlines():
        assert line.isprintable()
        assert json.loads(line) == {"said": STEERING}
