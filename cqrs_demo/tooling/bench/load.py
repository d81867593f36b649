"""Starts load clients and reads their reports."""

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

ORDER = {
    "description": "Widget, blue, with a handle",
    "amount": 1,
    "purchase_dt": "2025-04-03T10:00:00Z",
}
"""An order costs 1, so that the sum of the invoices is the number of orders on them."""


class LoadFailed(Exception):
    """The load client did not do its work; the text says why."""


@dataclass(frozen=True)
class Outcome:
    """One run of the client. Latencies in seconds, sorted."""

    began: float  # Unix time
    seconds: float
    accepted: int
    refused: dict[str, int]
    broken: int
    latencies: list[float]
    events: list[tuple[str, float]]
    cpu: float

    @property
    def rate(self) -> float:
        """Requests answered as wanted, per second."""
        return self.accepted / self.seconds

    def quantile(self, share: float) -> float:
        """In seconds."""
        return (
            self.latencies[min(int(share * len(self.latencies)), len(self.latencies) - 1)]
            if self.latencies
            else 0.0
        )

    def expect_no_refusals(self) -> "Outcome":
        """Raises LoadFailed: a rate that hides errors is no rate."""
        if self.refused or self.broken:
            raise LoadFailed(
                f"{self.broken} requests without an answer, and answers other than wanted: "
                f"{self.refused}"
            )
        return self


def send(
    url: str,
    requests: Sequence[str],
    *,
    connections: int,
    seconds: float,
    wanted: int = 201,
    **more: Any,
) -> Outcome:
    """Run one client against the server of `url`. `more` are the other fields of client.Task.
    Raises LoadFailed."""
    parts = urlsplit(url)
    task = {
        "host": parts.hostname,
        "port": parts.port,
        "requests": list(requests),
        "connections": connections,
        "seconds": seconds,
        **more,
    }
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cqrs_demo.tooling.bench.client"],
        input=orjson.dumps(task),
        capture_output=True,
        timeout=seconds + 60,
        check=False,
    )
    if done.returncode != 0:
        raise LoadFailed(done.stderr.decode(errors="replace").strip().splitlines()[-1])
    said = orjson.loads(done.stdout)
    statuses: dict[str, int] = said.pop("statuses")
    accepted = statuses.pop(str(wanted), 0)
    return Outcome(
        **{**said, "latencies": sorted(said["latencies"])}, accepted=accepted, refused=statuses
    )


def post(url: str, body: dict[str, Any], *, key: bool = False) -> str:
    """A whole request; with `key`, each time it is sent it carries an Idempotency-Key of its
    own."""
    text = json.dumps(body)
    header = "Idempotency-Key: {key}\r\n" if key else ""
    parts = urlsplit(url)
    return (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: "
        f"application/json\r\n{header}"
        f"Content-Length: {len(text.encode())}\r\n\r\n{text}"
    )


def get(url: str) -> str:
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n"


def orders(url: str, users: Sequence[int], *, key: bool = False) -> list[str]:
    """One order request for each of the users."""
    return [post(url, {"user_id": user, **ORDER}, key=key) for user in users]


def in_milliseconds(latencies: Sequence[float]) -> dict[str, float]:
    """p50, p99 and max, from latencies in seconds."""
    ordered = sorted(latencies) or [0.0]
    p99 = ordered[min(int(0.99 * len(ordered)), len(ordered) - 1)]
    return {"p50": statistics.median(ordered) * 1000, "p99": p99 * 1000, "max": ordered[-1] * 1000}
