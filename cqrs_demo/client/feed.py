"""One service's log over HTTP, in a stream of any length."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from cqrs_demo.client.http import Http

ALL = 2**62  # positions, or events: more than there will ever be
SILENCE = 60.0  # seconds; a service that lives sends an empty line more often


class FeedLine(NamedTuple):
    """An event, and the text that it came as."""

    event: dict[str, Any]
    text: str


class FeedReader:
    """It remembers how far it has been read: reading again goes on there. Each call raises
    NoAnswer, Refused."""

    def __init__(self, http: Http, service: str, wanted: Mapping[str, str]) -> None:
        self.service = service
        self._http, self._wanted = http, wanted
        self._position = 0

    def end(self) -> int:
        """Up to which position the log can be read now."""
        answer = self._http.get(self.service, "/events", after=ALL, limit=1).checked()
        return int(answer.headers["X-Log-Horizon"])

    def skip_all_but(self, last: int) -> None:
        """Begin so many positions before the end."""
        self._position = max(0, self.end() - last)

    def read(self) -> Iterator[FeedLine]:
        """What there is up to now."""
        return self._read(follow="false")

    def follow(self) -> Iterator[FeedLine]:
        """What there is, and then what comes. It ends when the service stops."""
        return self._read(follow="true")

    def _read(self, follow: str) -> Iterator[FeedLine]:
        query = {"limit": ALL, **self._wanted, "follow": follow, "after": self._position}
        with self._http.stream(self.service, "/events", query, SILENCE) as answer:
            horizon = int(answer.headers["X-Log-Horizon"])
            for line in lines_of(answer.iter_bytes()):
                if line:  # an empty one only says that the connection lives
                    event = orjson.loads(line)
                    self._position = int(event["sequence"])
                    yield FeedLine(event, line)
            self._position = max(self._position, horizon)


def lines_of(chunks: Iterable[bytes]) -> Iterator[str]:
    """The lines, ended by a newline and by nothing else: a description may hold U+2028, at which
    httpx and str.splitlines() break too."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode() for line in lines)
