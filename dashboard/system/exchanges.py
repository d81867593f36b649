"""The commands that this dashboard has sent lately: what was asked, and what was answered, by the
event that tells of each. Only reach.py writes here.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from cqrs_demo.client.answer import Answer, pretty

KEPT = 200


@dataclass(frozen=True)
class Exchange:
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    answer: Answer

    def request(self) -> str:
        """As it is read, not as it is sent: a token is left out."""
        lines = [f"{self.method} {self.path}", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\n".join([*lines, "", pretty(self.body)])


_known: OrderedDict[str, Exchange] = OrderedDict()
_turn = Lock()


def note(exchange: Exchange) -> None:
    """A repeated command is told by its first exchange."""
    event = exchange.answer.headers.get("X-Event-Id")
    if event is None:
        return
    with _turn:
        _known.setdefault(event, exchange)
        while len(_known) > KEPT:
            _known.popitem(last=False)


def exchange_of(event_id: str) -> Exchange | None:
    """None for a command that somebody else has sent."""
    return _known.get(event_id)
