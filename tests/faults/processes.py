"""What a fault happens to: services as real processes, and a PostgreSQL that keeps its port over
restarts."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from cqrs_demo.tooling.runtime.ports import answers, free_port
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from tests.fixtures.shop import PREFIXES, eventually


class Service:
    """`cqrs-demo serve <name>`, configured by its environment alone. It keeps its port over
    restarts."""

    def __init__(self, name: str, environment: dict[str, str], log: Path) -> None:
        self.name, self.log = name, log
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}{PREFIXES[name]}"
        clean = {key: value for key, value in os.environ.items() if not key.startswith("CQRS_")}
        self.environment = clean | environment | {"CQRS_PORT": str(self.port)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Service":
        """Start, and wait until it listens. Fails with the tail of its log."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "cqrs_demo", "serve", self.name],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        eventually(
            lambda: answers("127.0.0.1", self.port) or not self.alive, seconds=60, says=self._tail
        )
        assert self.alive, f"{self.name} ended:\n{self._tail()}"
        return self

    def _tail(self) -> str:
        return self.log.read_text()[-2000:]

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def health(self) -> dict[str, Any] | None:
        """What the health check says; None when nobody answers."""
        with suppress(httpx.HTTPError):
            answer: dict[str, Any] = httpx.get(f"{self.url}/healthcheck", timeout=30).json()
            return answer
        return None

    def kill(self) -> None:
        """As kill -9 does: at once, with no word to anybody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def terminate(self, seconds: float) -> int:
        """SIGTERM, then the exit status. Fails when it is still there after `seconds`."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(seconds)

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


@contextmanager
def restarted_when_it_dies(service: Service) -> Iterator[list[int]]:
    """A supervisor in miniature. Gives the pids of those that died."""
    deaths: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            if not service.alive:
                deaths.append(service.pid)
                service.start()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield deaths
    finally:
        done.set()
        watcher.join()


class Postgres:
    """A cluster on a port it keeps."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.embedded = EmbeddedPostgres(folder)
        self.port = free_port()

    def start(self) -> None:
        self.embedded.start(self.port)

    def owns(self, path: Path) -> None:
        """Let the server write there: where we are root, it is somebody else."""
        of = (self.folder / "data").stat()
        os.chown(path, of.st_uid, of.st_gid)

    def stop(self) -> None:
        self.embedded.stop()

    def kill(self) -> None:
        """The postmaster and all its backends at once, as when the power goes."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def pause(self) -> None:
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    def resume(self) -> None:
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def _processes(self) -> list[psutil.Process]:
        pid = self.embedded.pid()
        if pid is None:
            return []
        postmaster = psutil.Process(pid)
        postmaster.suspend()  # it is to start no more while we count
        children = postmaster.children(recursive=True)
        return [*children, postmaster]
