"""Whether a service is well. Apart from the other calls, and without their library: the supervisor
asks this all the time, and each command before it begins; loading httpx would take them longer."""

from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from cqrs_demo.client.place import bearer


def is_healthy(url: str, timeout: float = 2.0, token: str | None = None) -> bool:
    """Whether a GET answers 200 within `timeout` seconds."""
    parts = urlsplit(url)
    connection = HTTPConnection(str(parts.hostname), parts.port, timeout=timeout)
    try:
        connection.request("GET", parts.path, headers=bearer(token))
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
