"""A second subscriber, for a notebook that wants to see what passes: it has queues of its own, so
it takes nothing from the shop's consumer."""

import time
from collections.abc import Callable

from cqrs_demo.client.errors import TookTooLong
from cqrs_demo.contract.codec import decode
from cqrs_demo.contract.events import Event
from cqrs_demo.messaging.broker import Delivery, Subscriber
from cqrs_demo.tooling.workshop.broker import SyncBroker

PATIENCE = 30.0


class Listener:
    """Hears every event of its topics from now on. Its queues stay for as long as the broker."""

    def __init__(self, url: str, topics: tuple[str, ...], shown: Callable[[str], str]) -> None:
        """`shown` makes of an event's id what a notebook calls it."""
        self._url, self._subscriber = url, Subscriber("listener", topics)
        self._shown = shown
        with SyncBroker(url) as broker:
            broker.declare(self._subscriber)
            while broker.take(self._subscriber, 500, wait=0.2):
                pass  # what an earlier run of the notebook did not listen to

    def heard(self, count: int, seconds: float = PATIENCE) -> list[str]:
        """The ids of the next `count` events, in the order in which they came. Raises
        TookTooLong."""
        ids: list[str] = []
        deadline = time.monotonic() + seconds
        with SyncBroker(self._url) as broker:
            while len(ids) < count:
                if time.monotonic() > deadline:
                    raise TookTooLong(f"{len(ids)} events came, and {count} were waited for")
                taken = broker.take(self._subscriber, count - len(ids), wait=0.5)
                ids += [self._shown(str(_event(delivery).id)) for delivery in taken]
        return ids


def _event(delivery: Delivery) -> Event:
    return decode(delivery.body, delivery.content_type, delivery.headers)
