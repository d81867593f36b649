"""Structured logs: one JSON object a line on standard error, with the event ids of every hop.

`grep <event id>` over the services' logs follows one command from its commit to the invoice.
Ids are logged a batch at a time, so following costs a line per transaction, not per event.

A line that cannot be written is dropped. A full disk or a closed pipe must not decide what becomes
of an order.
"""

import io
import json
import logging
import os
import sys
from typing import Any, TextIO, cast

import orjson
import structlog


class Unfailing(io.TextIOBase):
    """Text to a file descriptor, unbuffered. What cannot be written is dropped, and counted in the
    next line that can."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._dropped = 0

    def write(self, text: str) -> int:
        try:
            if self._dropped:
                os.write(
                    self._descriptor,
                    b'{"level": "warning", "event": "%d log lines could not be written"}\n'
                    % self._dropped,
                )
                self._dropped = 0
            os.write(self._descriptor, text.encode(errors="replace"))
        except OSError:  # no space left, or nobody reads the pipe any more
            self._dropped += 1
        return len(text)


def _json(event: dict[str, Any], **_: Any) -> str:
    try:
        return orjson.dumps(event, default=str).decode()
    except TypeError:  # half a surrogate pair in an error's text, for instance
        return json.dumps(event, default=repr)


def configure(service: str) -> None:
    """Send structlog and the libraries' warnings to standard error, each line naming the
    service."""
    stream = Unfailing(sys.stderr.fileno())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, stream)),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(
        level=logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
        handlers=[logging.StreamHandler(stream)],
    )
    for library in (
        "aiormq",
        "aio_pika",
    ):  # what they log about a lost broker they also raise, and relay and consumer say it once
        logging.getLogger(library).setLevel(logging.CRITICAL)
