"""One hazard at a time, for all sessions: `cqrs-demo hazard show`, in a process of its own with a
private system, and what it says while it runs.

Not the shop on the other pages: nothing of that is touched.
"""

import json
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import streamlit as st

from cqrs_demo.client.errors import Refused
from cqrs_demo.tooling.hazards.catalog import Hazard
from cqrs_demo.tooling.runtime.processes import apart

Json = dict[str, Any]


class Hazards:
    """`results` holds the last outcome of each hazard by its name, `failures` what was said when
    there was none."""

    def __init__(self) -> None:
        self.results: dict[str, Json] = {}
        self.failures: dict[str, str] = {}
        self.running: Hazard | None = None
        self.seed = 1
        self._said: deque[str] = deque(maxlen=20)
        self._began = 0.0
        self._process: subprocess.Popen[str] | None = None
        self.stopping = False
        self._turn = threading.Lock()

    @property
    def said(self) -> Sequence[str]:
        """The newest last."""
        return tuple(self._said)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def start(self, hazard: Hazard, broker: str, seed: int) -> None:
        """Raises Refused while another is shown."""
        with self._turn:
            if self.running is not None:
                raise Refused(f"{self.running.title} is being shown; one at a time")
            self.running, self.seed, self._began = hazard, seed, time.monotonic()
            self._said.clear()
            self.stopping = False
            self.results.pop(hazard.name, None)
            self.failures.pop(hazard.name, None)
        arguments = [hazard.name, "--json", f"--seed={seed}", f"--broker={broker}"]
        threading.Thread(
            target=self._run, args=[hazard, arguments], name="hazard", daemon=True
        ).start()

    def stop(self) -> None:
        """It stops what it has started, in a few seconds. Harmless when nothing is shown."""
        self.stopping = True
        if self._process is not None:
            self._process.terminate()

    def _run(self, hazard: Hazard, arguments: list[str]) -> None:
        try:
            self._show(hazard, arguments)
        except Exception as error:  # whatever it is, a person is to read it
            self.failures[hazard.name] = str(error)
        finally:
            self._process, self.running = None, None

    def _show(self, hazard: Hazard, arguments: list[str]) -> None:
        command = [sys.executable, "-P", "-m", "cqrs_demo", "hazard", "show", *arguments]
        with subprocess.Popen(  # noqa: S603  # our own program
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **apart(),
        ) as process:
            self._process = process
            if self.stopping:  # before there was a process to stop
                process.terminate()
            for line in process.stderr or ():
                self._said.append(line.strip())
            answer = process.stdout.read() if process.stdout else ""
        if answer:
            self.results[hazard.name] = json.loads(answer, parse_float=Decimal)
        elif not self.stopping:
            self.failures[hazard.name] = "\n".join(self._said) or "It said nothing."


@st.cache_resource(show_spinner=False)
def hazards() -> Hazards:
    return Hazards()
