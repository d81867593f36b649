"""How the dashboard reaches the system: where it is, and the client of its APIs.

A service that does not answer is left alone for a second, so that no page waits for it again and
again. Next: fetch.py, what is asked.
"""

import threading
import time
from functools import lru_cache
from typing import Any

from cqrs_demo.client.answer import Answer
from cqrs_demo.client.client import Client
from cqrs_demo.client.errors import NoAnswer
from cqrs_demo.client.place import PREFIXES, Place
from cqrs_demo.tooling.runtime.system import (
    NOTHING,
    NotRunning,
    RunningSystem,
    SystemProblem,
    data_folder,
    find_system,
    named_system,
)
from cqrs_demo.tooling.runtime.typed import typed
from system.exchanges import Exchange, note
from system.shared import forget_all, shared

Row = dict[str, Any]

SERVICES = tuple(PREFIXES)
LOOK, ACT = 1.5, 7.0  # seconds a look and a command may take
GLANCE = 0.8  # seconds that the pulse waits: lights are to turn within three
PATIENCE = 12.0  # seconds for what is asked once, and in the background
LEFT_ALONE = 1.0  # seconds


@shared(1)
def system() -> RunningSystem:
    """The one that CQRS_USER_SERVICE_URL and its likes name (containers), else the one in the data
    folder. Raises NoAnswer."""
    try:
        found = named_system() or find_system(ask_health=False)
    except NotRunning:
        found = NOTHING
    except SystemProblem as problem:
        raise NoAnswer(str(problem), "the system") from problem
    if not found.services:
        why = (
            f"no system runs in {data_folder().path}, or it is just starting. Start it with "
            f"`{command('up')}`"
        )
        raise NoAnswer(why, "the system")
    return found


def command(line: str) -> str:
    """A command of the CLI as it has to be typed for the system shown."""
    return f"cqrs-demo {line}" if named_system() else typed(line, data_folder().path)


def broker_name() -> str:
    """Raises NoAnswer where no system is found."""
    broker = system().broker
    return "RabbitMQ" if broker and broker.kind == "rabbitmq" else "PGMQ"


class DashboardClient(Client):
    """One for all sessions."""

    def __init__(self) -> None:
        super().__init__(Place({}), look=LOOK, act=ACT)
        self._silent: dict[str, tuple[float, NoAnswer]] = {}

    def call(self, method: str, service: str, path: str, **options: Any) -> Answer:
        until, silence = self._silent.get(service, (0.0, None))
        if silence and method == "GET" and time.monotonic() < until:
            raise NoAnswer(silence.why, silence.where)
        try:
            answer = super().call(method, service, path, **options)
        except NoAnswer as error:
            self._silent[service] = (time.monotonic() + LEFT_ALONE, error)
            raise
        self._silent.pop(service, None)
        if method == "POST":
            body, headers = options.get("body"), options.get("headers") or {}
            note(Exchange(method, PREFIXES[service] + path, headers, body, answer))
        return answer


@lru_cache
def _client() -> DashboardClient:
    return DashboardClient()


def client() -> Client:
    """Of the system as it is now: started anew, it may have other ports. Raises NoAnswer where
    none is found."""
    _client().place = system().place
    return _client()


_waiting: dict[float, Client] = {}
_turn = threading.Lock()


def waiting(seconds: float) -> Client:
    """For the pulse: a look takes so long at the most, and whoever was silent a moment ago is asked
    all the same. Raises NoAnswer where no system is found."""
    place = system().place
    with _turn:
        if seconds not in _waiting:
            _waiting[seconds] = Client(place, look=seconds, act=ACT)
        client = _waiting[seconds]
    client.place = place
    return client


def close() -> None:
    """Forget the system: connections, answers, and whose silence was noted."""
    _client().close()
    _client.cache_clear()
    while _waiting:
        _waiting.popitem()[1].close()
    forget_all()
