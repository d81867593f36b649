"""A call that may hang, made in a thread of its own: nobody waits longer than they want to, and
while it hangs no second one is made."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from cqrs_demo.client.errors import NoAnswer

Result = TypeVar("Result")


class OneCall(Generic[Result]):
    def __init__(self, where: str, make: Callable[[], Result]) -> None:
        """`where` is who does not answer when nobody does."""
        self._where, self._make = where, make
        self._turn = threading.Lock()
        self._open: Future[Result] | None = None

    def result(self, within: float) -> Result:
        """Raises NoAnswer after so many seconds, and what the call raises."""
        with self._turn:
            if self._open is None or self._open.done():
                self._open = in_a_thread(self._make)
            call = self._open
        try:
            return call.result(within)
        except TimeoutError:
            raise NoAnswer("does not answer", self._where) from None


def in_a_thread(make: Callable[[], Result]) -> "Future[Result]":
    """A daemon: a call that hangs does not keep the process from ending."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(make())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="call", daemon=True).start()
    return future
