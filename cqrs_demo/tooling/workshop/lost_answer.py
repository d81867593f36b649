"""A command whose answer is lost on its way back: the connection is cut as soon as the command is
committed, and before a word of the answer is read."""

import time
from collections.abc import Callable
from http.client import HTTPConnection
from urllib.parse import urlsplit

from cqrs_demo.client.errors import TookTooLong
from cqrs_demo.client.place import bearer

PATIENCE = 30.0


def post_and_hang_up(
    url: str, token: str | None, body: bytes, key: str, committed: Callable[[], bool]
) -> None:
    """Returns when `committed` says so and the connection is cut. Raises TookTooLong."""
    parts = urlsplit(url)
    headers = {"Content-Type": "application/json", "Idempotency-Key": key, **bearer(token)}
    connection = HTTPConnection(parts.netloc, timeout=PATIENCE)
    deadline = time.monotonic() + PATIENCE
    try:
        connection.request("POST", parts.path, body, headers)
        while not committed():
            if time.monotonic() > deadline:
                raise TookTooLong("the command is not committed")
            time.sleep(0.02)
    finally:
        connection.close()
