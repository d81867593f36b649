"""Structured logs: one JSON object a line on standard error, with the event ids of every hop.

`grep <event id>` over the three services' logs follows one command from its commit to the invoice. Ids are logged a
batch at a time, so following costs a line per transaction, not per event.
"""

import logging
import sys

import orjson
import structlog


def configure(service: str) -> None:
    """Send structlog and the libraries' warnings to standard error, each line naming the service."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda event, **_: orjson.dumps(event, default=str).decode()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    for library in ("aiormq", "aio_pika"):  # what they log about a lost broker they also raise, and relay and consumer say it once
        logging.getLogger(library).setLevel(logging.CRITICAL)
