"""Whose requests a server answers that asks for no token: those of this machine's programs, and of
its own pages.

A web page from anywhere can make the browser of a person at this machine send requests here. Two
headers give it away, and no page can forge them. `Origin` names the site that the page is from;
browsers send it with everything but a plain GET, and with each WebSocket. `Host` names the site
that the browser believes to talk to: a site whose name was pointed at 127.0.0.1 after its page was
loaded ("DNS rebinding") is of the same origin as itself, but its name is not ours.

So the Host must be one of this server's own names: that an Origin equals it says nothing. Next:
admission.py; dashboard/serve.py.
"""

import re
from collections.abc import Sequence
from ipaddress import ip_address

from cqrs_demo.http.problems import Problem

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]{1,5})?", re.IGNORECASE)
_ORIGIN = re.compile(r"https?://" + _HOST.pattern, re.IGNORECASE)


class Door:
    """Lets in requests to the loopback names and to the address that the server listens on, from
    pages of these names.

    `addresses`: also to any address in digits, for a server that listens on all it has. (Only names
    can be rebound.)
    """

    def __init__(self, listens_on: str, *, addresses: bool = False) -> None:
        self._names = LOOPBACK | {listens_on.lower()}
        self._addresses = addresses

    def check(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Raises Problem 421 for a foreign Host (or none, or two), 403 for a foreign Origin."""
        hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
        host = _name(_HOST, hosts[0]) if len(hosts) == 1 else None
        if host is None or not (host in self._names or (self._addresses and _is_address(host))):
            asked = ", ".join(map(repr, hosts)) or "no Host"
            raise Problem(
                421,
                "misdirected-request",
                f"this server is localhost, or 127.0.0.1, and not {asked:.200}",
            )
        for origin in [value.decode("latin-1") for name, value in headers if name == b"origin"]:
            if _name(_ORIGIN, origin) not in self._names | {host}:
                raise Problem(
                    403,
                    "foreign-origin",
                    f"this server takes no requests from pages of {origin!r:.200}",
                )


def _name(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.fullmatch(text)
    return (found[1] or found[2]).lower() if found else None


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
