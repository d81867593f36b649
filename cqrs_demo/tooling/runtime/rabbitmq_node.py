"""A private RabbitMQ node: its own name, ports, cookie and data, all in one folder, beside any
other node on the machine.

For `cqrs-demo up --broker rabbitmq` and for tests. It needs an installed RabbitMQ (3.10 or newer),
but neither its system-wide service nor root. Linux and macOS; on Windows there is none to be found.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from cqrs_demo.tooling.runtime.ports import HOST, free_port, holder, is_free
from cqrs_demo.tooling.runtime.private import UMASK, make_private, private

_PLACES = (
    "/usr/lib/rabbitmq/bin",
    "/opt/homebrew/sbin",
    "/usr/local/sbin",
)  # before PATH: Debian's script there switches to another user
_START = 60.0  # seconds; 6 on an idle machine, more on a loaded one
_END = 5.0  # seconds until the children of a killed node have noticed
_USER = "cqrs"

_CONFIGURATION = """\
listeners.tcp.local = {host}:{port}
default_user = {user}
default_pass = {password}
log.console = true
log.console.level = warning
disk_free_limit.absolute = 50MB
raft.wal_max_size_bytes = 67108864
"""  # the write-ahead log of the quorum queues is also held in memory: 64 MiB of it rather than 512


class RabbitNodeError(Exception):
    """RabbitMQ is not installed or did not do what it was told; the text ends with what it said."""


def rabbitmq_server() -> Path | None:
    """The script that starts a node, or None where RabbitMQ is not installed."""
    if sys.platform == "win32":
        return None
    found = shutil.which(
        "rabbitmq-server", path=os.pathsep.join((*_PLACES, os.environ.get("PATH", os.defpath)))
    )
    return Path(found) if found else None


@dataclass(frozen=True)
class _Identity:
    """What a node keeps over restarts: its data belongs to its name, and its clients know the
    rest."""

    name: str
    port: int
    password: str


class RabbitNode:
    """One node in `folder`, which it makes at the first start; a later start finds the same
    messages at the same URL.

    Not thread-safe: the supervisor, or one test, alone holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._identity_file = self._folder / "node.json"
        self._processes_file = self._folder / "processes.json"
        self._children: list[subprocess.Popen[bytes]] = []
        self.log = self._folder / "rabbitmq.log"

    def start(self, *, keep_port: bool = False) -> None:
        """Start, and wait until it answers AMQP. When another process has its port, it takes a new
        one; with `keep_port`, because clients know the port, it does not start. Raises
        RabbitNodeError."""
        script = rabbitmq_server()
        if script is None:
            raise RabbitNodeError("RabbitMQ is not installed: no rabbitmq-server in PATH")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_private(self._folder)  # messages are in it; older versions let others read them
        self.stop()  # a node left over from a supervisor that was killed
        identity = self._identify(keep_port)
        environment = self._environment(identity)
        self._write_private(
            "rabbitmq.conf", _CONFIGURATION.format(host=HOST, user=_USER, **asdict(identity))
        )
        self._write_private("enabled_plugins", "[].\n")
        # Erlang's name server is started here and not left to Erlang, which would leave it behind.
        self._spawn(
            "epmd", [_epmd(), "-port", environment["ERL_EPMD_PORT"], "-address", HOST], environment
        )
        self._spawn("node", [str(script)], environment)
        self._wait_until_it_answers(identity.port)

    def _identify(self, keep_port: bool) -> _Identity:
        identity = self._identity()
        if identity is None or not is_free(identity.port):
            if identity and keep_port:
                raise RabbitNodeError(
                    f"its port {identity.port} is taken by {holder(identity.port)}"
                )
            name = identity.name if identity else f"cqrs_{secrets.token_hex(4)}@localhost"
            password = identity.password if identity else secrets.token_hex(16)
            identity = _Identity(name, free_port(), password)
            self._write_private(self._identity_file.name, json.dumps(asdict(identity)))
        return identity

    def _identity(self) -> _Identity | None:
        try:
            return _Identity(**json.loads(self._identity_file.read_text()))
        except FileNotFoundError:
            return None

    def _environment(self, identity: _Identity) -> dict[str, str]:
        """Nothing of the system's own node is read, and nothing is written outside the folder."""
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RABBITMQ_", "ERL_"))
        }
        folder = str(self._folder)
        return clean | {
            "HOME": folder,  # the Erlang cookie
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(free_port()),
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_CRASH_DUMP_SECONDS": "0",  # none: the log says enough
            "RABBITMQ_NODENAME": identity.name,
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} "
            "+S 2:2",
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/rabbitmq-env.conf",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_CONFIG_FILES": f"{folder}/conf.d",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{folder}/config",
            "RABBITMQ_SCHEMA_DIR": f"{folder}/schema",
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": f"{folder}/rabbitmq.pid",
            # the script becomes the node, instead of a shell that waits for it
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _write_private(self, name: str, text: str) -> None:
        with open(self._folder / name, "w", opener=private) as file:
            file.write(text)

    def _spawn(self, role: str, command: list[str], environment: dict[str, str]) -> None:
        """In a session of its own: a Ctrl-C in the terminal is for the supervisor, which stops the
        node in its turn."""
        with open(self.log, "ab", opener=private) as log:
            child = subprocess.Popen(  # noqa: S603  # our own command line
                command,
                env=environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=UMASK,
            )
        self._children.append(child)
        known = {
            name: (process.pid, process.create_time())
            for name, process in self._processes().items()
        }
        known[role] = (child.pid, psutil.Process(child.pid).create_time())
        self._write_private(self._processes_file.name, json.dumps(known))

    def _wait_until_it_answers(self, port: int) -> None:
        deadline = time.monotonic() + _START
        while not _answers(port):
            if self.pid is None or time.monotonic() > deadline:
                why = "ended" if self.pid is None else f"did not answer within {_START:.0f} s"
                self.kill()
                raise RabbitNodeError(f"RabbitMQ in {self._folder} {why}:\n{self._tail()}")
            time.sleep(0.1)

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    def url(self) -> str:
        """Where clients connect. Raises RabbitNodeError before the first start."""
        identity = self._identity()
        if identity is None:
            raise RabbitNodeError(f"RabbitMQ in {self._folder} was never started")
        return f"amqp://{_USER}:{identity.password}@{HOST}:{identity.port}/"

    @property
    def pid(self) -> int | None:
        """The node's process id, or None when it is not running."""
        node = self._processes().get("node")
        return None if node is None else node.pid

    def _processes(self) -> dict[str, psutil.Process]:
        """The name server and the node, as far as they live. A pid that somebody else got since is
        none of ours."""
        try:
            known = json.loads(self._processes_file.read_text())
        except FileNotFoundError:
            return {}
        return {
            role: process
            for role, (pid, born) in known.items()
            if (process := _living(pid, born)) is not None
        }

    def control(self, *arguments: str) -> str:
        """What `rabbitmqctl` says, run against this node (it takes seconds). Raises
        RabbitNodeError."""
        script, node = rabbitmq_server(), self._processes().get("node")
        if script is None or node is None:
            raise RabbitNodeError(f"RabbitMQ in {self._folder} is not running")
        command = [str(script.with_name("rabbitmqctl")), *arguments]
        done = subprocess.run(  # noqa: S603  # our own command
            command, env=node.environ(), capture_output=True, text=True, timeout=_START, check=False
        )
        if done.returncode != 0:
            raise RabbitNodeError(
                f"rabbitmqctl {' '.join(arguments)} failed: {done.stdout}{done.stderr}"
            )
        return done.stdout

    def stop(self, seconds: float = 10) -> None:
        """Stop cleanly, and by force after `seconds`. Leaves no process. Harmless when it is not
        running."""
        node = self._processes().get("node")
        if node is not None:
            with suppress(psutil.NoSuchProcess):
                node.resume()  # a frozen one would not hear
                node.terminate()
            psutil.wait_procs([node], timeout=seconds)
        self.kill()

    def kill(self) -> None:
        """End it as a crash would: at once and with nothing said to anybody."""
        for process in self._processes().values():
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                everything = [process, *process.children(recursive=True)]
                os.killpg(process.pid, signal.SIGKILL)
                psutil.wait_procs(everything, timeout=_END)
        for child in self._children:
            child.wait()
        self._children.clear()
        self._processes_file.unlink(missing_ok=True)

    def pause(self) -> None:
        """Freeze it: its connections stay open and nothing answers. Raises RabbitNodeError when it
        is not running."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Raises RabbitNodeError when it is not running."""
        self._signal(signal.SIGCONT)

    def _signal(self, what: signal.Signals) -> None:
        if self.pid is None:
            raise RabbitNodeError(f"RabbitMQ in {self._folder} is not running")
        os.killpg(self.pid, what)


def _living(pid: int, born: float) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        alive = process.create_time() == born and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if alive else None


def _answers(port: int) -> bool:
    """Whether an AMQP broker greets there."""
    try:
        with socket.create_connection((HOST, port), timeout=2) as line:
            line.sendall(b"AMQP\x00\x00\x09\x01")
            return line.recv(1) == b"\x01"  # a method frame: Connection.Start
    except OSError:
        return False


def _epmd() -> str:
    """Erlang's name server, which some packages keep out of PATH."""
    found, erl = shutil.which("epmd"), shutil.which("erl")
    if found is None and erl is not None:
        found = next(
            (str(file) for file in Path(erl).resolve().parents[1].glob("erts-*/bin/epmd")), None
        )
    if found is None:
        raise RabbitNodeError("Erlang is not whole: no epmd in PATH or beside erl")
    return found
