"""What a terminal is shown of data that somebody else wrote."""

import pytest

from cqrs_demo.tooling.cli.events import _told
from cqrs_demo.tooling.cli.show import plain, say

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


def test_an_event_is_told_in_plain_text() -> None:
    data = {"id": 1, "user_id": 1, "description": STEERING, "amount": 5.0}
    told = plain(_told({"type": "order.created", "data": data}))
    assert told == (
        r"user 1 orders \x1b[31mred\x1b[0m \x07\x08\x9b2J\r\u202egnp.exe for 5.00 (order 1)"
    )
