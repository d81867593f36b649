"""TCP ports on this machine: which are free, and who holds those that are not."""

import random
import socket
import sys

import psutil

HOST = "127.0.0.1"

# Below those that systems hand out to outgoing connections (Linux: from 32768, others: from 49152):
# while a server is down for a moment, no connection takes its port.
_PORTS = range(20_000, 32_000)


def free_port() -> int:
    """A port nobody listens on now."""
    return next(port for port in random.sample(_PORTS, len(_PORTS)) if is_free(port))


def is_free(port: int) -> bool:
    """Whether a service could listen on `port` of the loopback address now."""
    with socket.socket() as probe:
        if sys.platform != "win32":  # there it would mean "take the port away from its holder"
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return not answers(
        HOST, port
    )  # macOS lets one bind beside a server that listens on all addresses


def answers(host: str, port: int, timeout: float = 0.5) -> bool:
    """Whether somebody accepts connections there within `timeout` seconds."""
    try:
        with socket.create_connection((host, port), timeout=timeout):
            return True
    except OSError:
        return False


def listens(pid: int, port: int) -> bool:
    """Whether it is this process, or a child of it, that listens on `port`."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return False
    return any(_listens_itself(one, port) for one in family)


def _listens_itself(process: psutil.Process, port: int) -> bool:
    try:
        connections = process.net_connections("tcp")
    except psutil.Error:  # it has just ended
        return False
    return any(
        connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
        for connection in connections
    )


def holder(port: int) -> str:
    """Who listens on `port`, as far as this user may know: "python3 -m http.server (pid 4711)",
    else "another process"."""
    try:
        for connection in psutil.net_connections("tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.pid
                and connection.laddr
                and connection.laddr.port == port
            ):
                return f"{_what_it_is(psutil.Process(connection.pid))} (pid {connection.pid})"
    except psutil.Error:
        pass
    return "another process"


def _what_it_is(process: psutil.Process) -> str:
    command = process.cmdline()
    if "cqrs_demo" in command:
        return f"another cqrs-demo, {command[-1]}"
    said = " ".join([process.name(), *command[1:]])
    return said if len(said) <= 60 else said[:59] + "…"
