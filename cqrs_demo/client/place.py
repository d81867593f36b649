"""Where a system's services are. Who finds that out: tooling/runtime/system.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field

PREFIXES = {
    "user-service": "/system-api",
    "order-service": "/order-service",
    "payment-service": "/payment-service",
    "invoice-service": "/invoice-service",
}
COMMAND_SERVICES = ("user-service", "order-service", "payment-service")
CONSUMERS = ("invoice-service", "order-service", "payment-service")
LOGS_OF_INVOICES = ("user-service", "order-service")
"""Whose events invoices are made of; the others' are no part of a replay."""


@dataclass(frozen=True)
class Place:
    """`urls` by service, with their prefixes: urls["user-service"] + "/users" is where users are
    posted. With a token, every call carries it."""

    urls: Mapping[str, str]
    token: str | None = field(default=None, repr=False)


def bearer(token: str | None) -> dict[str, str]:
    """The header for a service that wants a token; none for one that does not."""
    return {"Authorization": f"Bearer {token}"} if token else {}
