"""Waiting for a moment, with an end."""

import time
from collections.abc import Callable
from typing import TypeVar

from cqrs_demo.tooling.runtime.system import SystemProblem

T = TypeVar("T")


class HazardFailed(SystemProblem):
    """The hazard could not be shown; the text says what did not happen."""


def wait_until(holds: Callable[[], T], what: str, *, seconds: float = 20) -> T:
    """What `holds` returns once it is true. Raises HazardFailed after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise HazardFailed(f"waited {seconds:.0f} s for {what}, and it did not come")
        time.sleep(0.02)
    return found
