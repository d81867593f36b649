"""W3C's traceparent: the thread from a request to all that follows from it.

We take it over and carry it on; whoever draws traces finds in it which request an event belongs to.
https://www.w3.org/TR/trace-context/
"""

import re

# Version, trace, span, flags. Version ff and ids of zeros only are forbidden.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)


def valid_traceparent(text: str | None) -> str | None:
    """The text itself, where it is one; else None: a trace that is wrong is no reason to refuse a
    command."""
    return text if text and _TRACEPARENT.fullmatch(text) else None
