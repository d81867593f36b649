"""Something long, while others go on working: what they see of it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any


def meanwhile(
    work: Callable[[], object], *, asking: Callable[[], Any], besides: Callable[[], object]
) -> set[Any]:
    """Do `work`. Until it is done, one person asks again and again, and another does something
    else. Returns the different answers. Raises what any of the three raises."""
    done = Event()
    with ThreadPoolExecutor(2) as others:
        answers = others.submit(_ask, asking, done)
        other = others.submit(besides)
        try:
            work()
        finally:
            done.set()
        other.result()
        return answers.result()


def _ask(asking: Callable[[], Any], done: Event) -> set[Any]:
    answers = {asking()}
    while not done.is_set():
        answers.add(asking())
    return answers
