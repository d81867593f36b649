"""Programs that a hazard kills and starts again. Each keeps its port."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

from cqrs_demo.tooling.hazards.waiting import HazardFailed, wait_until
from cqrs_demo.tooling.runtime.ports import HOST, answers, free_port
from cqrs_demo.tooling.runtime.private import private
from cqrs_demo.tooling.runtime.processes import apart, end


class ShopProcess:
    """One HTTP server of ours. `arguments` follow `python -P -m`, `{port}` in them is its port."""

    def __init__(
        self,
        name: str,
        arguments: list[str],
        environment: dict[str, str],
        log: Path,
        port: int | None = None,
    ) -> None:
        """At a free port when none is given."""
        self.name, self._log, self.port = name, log, port or free_port()
        self._arguments = [argument.format(port=self.port) for argument in arguments]
        clean = {key: value for key, value in os.environ.items() if not key.startswith("CQRS_")}
        self._environment = clean | environment | {"CQRS_PORT": str(self.port)}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def launch(self) -> None:
        """Without waiting for it."""
        with open(self._log, "ab", opener=private) as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, "-P", "-m", *self._arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **apart(),
            )

    def wait_until_it_listens(self) -> None:
        """Raises HazardFailed."""
        wait_until(
            lambda: not self.alive or answers(HOST, self.port), f"{self.name} to listen", seconds=60
        )
        if not self.alive:
            said = self._log.read_text(errors="replace")[-2000:]
            raise HazardFailed(f"{self.name} did not start:\n{said}")

    def start(self) -> None:
        self.launch()
        self.wait_until_it_listens()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """As kill -9 does: at once, and with nothing said to anybody. Harmless when it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Politely, and in bounded time. Harmless when it is gone."""
        if self._process is not None:
            end([psutil.Process(self._process.pid)] if self.alive else [])
            self._process.wait()


def naive_program(
    name: str, dsn: str, broker_url: str, log: Path, port: int | None = None
) -> ShopProcess:
    """`name` is orders or invoices."""
    arguments = ["uvicorn", f"cqrs_demo.naive.{name}:app", "--host", HOST, "--port", "{port}"]
    environment = {"NAIVE_DB": dsn, "NAIVE_BROKER_URL": broker_url}
    quiet = ["--no-access-log", "--log-level", "warning"]
    return ShopProcess(f"naive {name}", [*arguments, *quiet], environment, log, port)


def our_program(name: str, environment: dict[str, str], log: Path) -> ShopProcess:
    told = {"CQRS_HOST": HOST, "CQRS_WORKSHOP": "1", **environment}
    return ShopProcess(name, ["cqrs_demo", "serve", name], told, log)
