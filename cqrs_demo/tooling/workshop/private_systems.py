"""The parent's side of child_process.py: start a system or a broker that ends with this process."""

import atexit
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

from cqrs_demo.exact_json import dumps
from cqrs_demo.tooling.runtime.processes import apart
from cqrs_demo.tooling.runtime.system import SystemProblem
from cqrs_demo.tooling.workshop.child_process import READY

Kind = Literal["pgmq", "rabbitmq"]


class DidNotStart(SystemProblem):
    """The text ends with what the child process wrote to its standard error."""


class Private:
    """A child process and what runs in it. stop() it, or let it end with this process."""

    url: str
    module = "cqrs_demo.tooling.workshop.child_process"

    def __init__(self, *arguments: str) -> None:
        """Returns when it is ready. Raises DidNotStart."""
        # What somebody exported for a system of his own must not reach this one: two systems on one
        # RabbitMQ would share queues.
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("CQRS_")
        }
        with tempfile.TemporaryFile() as said:
            self._child = subprocess.Popen(  # noqa: S603  # ours
                [
                    sys.executable,
                    "-P",
                    "-m",
                    self.module,
                    *arguments,
                ],
                env=environment,
                cwd=tempfile.gettempdir(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                **apart(),
            )
            atexit.register(self.stop)
            assert self._child.stdout is not None
            word, _, self.url = self._child.stdout.readline().decode().strip().partition(" ")
            if word != READY:
                self._child.wait()
                said.seek(0)
                raise DidNotStart(said.read().decode(errors="replace").strip())

    @property
    def alive(self) -> bool:
        return self._child.poll() is None

    def stop(self) -> None:
        """Harmless when it has stopped."""
        atexit.unregister(self.stop)
        if self._child.stdin is not None and not self._child.stdin.closed:
            self._child.stdin.close()
        self._child.wait(timeout=30)
        if self._child.stdout is not None:
            self._child.stdout.close()


class PrivateSystem(Private):
    """A system in `folder`, or in a new one that is thrown away with it."""

    def __init__(self, kind: Kind, folder: Path | None = None, *, dashboard: bool = False) -> None:
        self.kind = kind
        self.folder = folder or Path(tempfile.mkdtemp(prefix="cqrs-workshop-"))
        options = [
            *(["--dashboard"] if dashboard else []),
            *(["--throw-away"] if folder is None else []),
        ]
        super().__init__("system", kind, f"--data-dir={self.folder}", *options)


class PrivateBroker(Private):
    """A broker alone; `url` says where."""

    def __init__(self, kind: Kind) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cqrs-broker-"))
        super().__init__("broker", kind, f"--data-dir={self.folder}")


class PrivateDashboard(Private):
    """The dashboard of the system in `folder`; `url` says where. It is ready some seconds later."""

    def __init__(self, folder: Path) -> None:
        super().__init__("dashboard", "pgmq", f"--data-dir={folder}")


class PrivateShops(Private):
    """The shop and the naive shop side by side; ask() has a hazard shown in both."""

    module = "cqrs_demo.tooling.workshop.hazard_child"

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)

    def ask(self, question: dict[str, Any]) -> bytes:
        """The answer as JSON. Raises DidNotStart when the child process has ended."""
        gone = DidNotStart("the two shops have ended; run the notebook's first cell again")
        if not self.alive:
            raise gone
        stdin, stdout = self._child.stdin, self._child.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(dumps(question) + b"\n")
            stdin.flush()
            answer = stdout.readline()
        except BaseException:  # interrupted: the answer to this question must not answer the next
            self.stop()
            raise
        if not answer:
            raise gone
        return bytes(answer)
