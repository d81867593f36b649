"""Messages taken by hand, with each broker's own client and without the port: to see one in a
consumer's hand, given back, and delivered again. The shop's consumer does none of this."""

import asyncio
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import aiormq
import psycopg

VISIBILITY = 60  # seconds for which PGMQ hides what was read
PATIENCE = 30.0  # seconds until a broker has noticed that a consumer is gone

Result = TypeVar("Result")


@dataclass(frozen=True)
class Taken:
    """A message in hand. `earlier`: how often it was delivered before, as the broker counts."""

    queue: str
    body: bytes
    earlier: int
    tag: int


class Hand(ABC):
    """What one consumer holds. `ready` counts the messages that are ready for anybody."""

    ready: Callable[[], int]

    def __init__(self, queues: Sequence[str]) -> None:
        self._queues = list(queues)
        self._held = 0
        self.open = True

    def receive(self, most: int = 1, wait: float = 10.0) -> list[Taken]:
        """Up to `most`; waits up to `wait` seconds for the first."""
        taken: list[Taken] = []
        deadline = time.monotonic() + wait
        while len(taken) < most:
            found = [one for queue in self._queues if (one := self._take(queue)) is not None]
            taken += found
            if not found and (taken or time.monotonic() > deadline):
                break
        self._held += len(taken)
        return taken

    def acknowledge(self, taken: Sequence[Taken]) -> None:
        for one in taken:
            self._acknowledge(one)
        self._held -= len(taken)

    def requeue(self, taken: Sequence[Taken]) -> None:
        """Give them back, for anybody."""
        expected = self.ready() + len(taken)
        for one in taken:
            self._requeue(one)
        self._held -= len(taken)
        self._until_ready(expected)

    def close(self) -> None:
        """As if the consumer had died. Harmless when it was closed before."""
        if not self.open:
            return
        self.open = False
        expected = self.ready() + self._held
        self._let_go()
        self._until_ready(expected)

    def _until_ready(self, count: int) -> None:
        """A broker takes some milliseconds to notice."""
        deadline = time.monotonic() + PATIENCE
        while self.ready() < count and time.monotonic() < deadline:
            time.sleep(0.02)

    @abstractmethod
    def _take(self, queue: str) -> Taken | None: ...

    @abstractmethod
    def _acknowledge(self, taken: Taken) -> None: ...

    @abstractmethod
    def _requeue(self, taken: Taken) -> None: ...

    @abstractmethod
    def _let_go(self) -> None: ...


class RabbitHand(Hand):
    """By `basic.get`, one message a call."""

    def __init__(self, url: str, queues: Sequence[str]) -> None:
        super().__init__(queues)
        # A notebook has a loop of its own in this thread, which cannot be run from inside.
        self._runner = _LoopInAThread()
        self._connection = self._runner.wait_for(_connected(url))
        self._channel = self._runner.wait_for(self._connection.channel())

    def _take(self, queue: str) -> Taken | None:
        message = self._runner.wait_for(self._channel.basic_get(queue))
        if message.delivery_tag is None:
            return None
        counted = (message.header.properties.headers or {}).get("x-delivery-count")
        earlier = counted if isinstance(counted, int) else int(bool(message.redelivered))
        return Taken(queue, message.body, earlier, message.delivery_tag)

    def _acknowledge(self, taken: Taken) -> None:
        self._runner.wait_for(self._channel.basic_ack(taken.tag))

    def _requeue(self, taken: Taken) -> None:
        # By reject: a nack would not count as a delivery from 4.3 on.
        self._runner.wait_for(self._channel.basic_reject(taken.tag, requeue=True))

    def _let_go(self) -> None:
        self._runner.wait_for(self._connection.close())
        self._runner.close()


class PgmqHand(Hand):
    """By PGMQ's SQL functions."""

    def __init__(self, url: str, queues: Sequence[str]) -> None:
        super().__init__(queues)
        self._connection = psycopg.connect(url, autocommit=True)
        self._in_hand: set[tuple[str, int]] = set()

    def _take(self, queue: str) -> Taken | None:
        read = "select message::text, read_ct, msg_id from pgmq.read(%s, %s, 1)"
        row = self._connection.execute(read, [queue, VISIBILITY]).fetchone()
        if row is None:
            return None
        body, reads, tag = row
        self._in_hand.add((queue, tag))
        return Taken(queue, body.encode(), reads - 1, tag)

    def _acknowledge(self, taken: Taken) -> None:
        self._connection.execute("select pgmq.delete(%s, %s::bigint)", [taken.queue, taken.tag])
        self._in_hand.discard((taken.queue, taken.tag))

    def _requeue(self, taken: Taken) -> None:
        self._show_again(taken.queue, taken.tag)
        self._in_hand.discard((taken.queue, taken.tag))

    def _show_again(self, queue: str, tag: int) -> None:
        self._connection.execute("select pgmq.set_vt(%s, %s::bigint, 0)", [queue, tag])

    def _let_go(self) -> None:
        for queue, tag in self._in_hand:
            self._show_again(queue, tag)
        self._connection.close()


async def _connected(url: str) -> Any:
    return await aiormq.connect(url)


class _LoopInAThread:
    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def wait_for(self, call: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
