"""A TCP line between a process and whoever it talks to that can be cut, stalled, refused, or
stopped at an exact moment. No process needs to know of it.

The moment is named by bytes: `stop_at(b"COMMIT")` freezes the one connection on which a client
sends those. With `passing=True` the server still gets them and only its answers are kept back,
which is how a commit succeeds without anybody learning of it.
"""

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field

HOST = "127.0.0.1"


class NotCaught(Exception):
    """The moment did not come."""


@dataclass
class Trap:
    """Armed by Wire.stop_at(); `caught` is set once a connection has run into it."""

    pattern: bytes
    passing: bool
    caught: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds: float = 20) -> None:
        if not self.caught.wait(seconds):
            raise NotCaught(f"nobody sent {self.pattern!r} within {seconds:.0f} s")


class Wire:
    """Listens on a port of its own and passes everything on to `target`. Flows from the start."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._lines: set[_Line] = set()
        self._guard = threading.Lock()
        self._flows = threading.Event()
        self._flows.set()
        self.trap: Trap | None = None
        self._listener = socket.create_server((HOST, 0), backlog=200)
        self.port = int(self._listener.getsockname()[1])
        self._accept()

    def stop_at(self, pattern: bytes, *, passing: bool) -> Trap:
        self.trap = Trap(pattern, passing)
        return self.trap

    def refuse(self) -> None:
        """Connections are reset, and new ones are refused, until flow()."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Reset what is connected now; new connections are welcome."""
        with self._guard:
            lines, self._lines = self._lines, set()
        for line in lines:
            line.end()

    def stall(self) -> None:
        """Connections stand and nothing moves on them, until flow()."""
        self._flows.clear()

    def flow(self) -> None:
        """All is well again. Connections caught in a trap end."""
        self.trap = None
        self._flows.set()
        with self._guard:
            caught = [line for line in self._lines if line.frozen]
        for line in caught:
            line.end()
        if self._listener.fileno() == -1:
            self._listener = socket.create_server((HOST, self.port), backlog=200)
            self._accept()

    def close(self) -> None:
        self.refuse()
        self._flows.set()

    def _accept(self) -> None:
        threading.Thread(target=self._serve, args=[self._listener], daemon=True).start()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target, timeout=5)
            except OSError:
                _reset(client)
                continue
            server.settimeout(None)
            line = _Line(client, server)
            with self._guard:
                self._lines.add(line)
            threading.Thread(target=self._pump, args=[line, client, server], daemon=True).start()
            threading.Thread(target=self._pump, args=[line, server, client], daemon=True).start()

    def _pump(self, line: "_Line", source: socket.socket, drain: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                if source is line.client and not self._passes(line, data):
                    continue
                if source is line.server and line.frozen:
                    continue
                drain.sendall(data)
        line.end()
        with self._guard:
            self._lines.discard(line)

    def _passes(self, line: "_Line", data: bytes) -> bool:
        if line.frozen:
            return False
        trap = self.trap
        if trap is None or trap.pattern not in data:
            return True
        self.trap = None
        line.frozen = True
        if trap.passing:
            line.server.sendall(data)
        trap.caught.set()
        return False


@dataclass(eq=False)
class _Line:
    client: socket.socket
    server: socket.socket
    frozen: bool = False

    def end(self) -> None:
        _reset(self.client)
        _reset(self.server)


def _reset(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()
