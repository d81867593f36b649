"""Dead letters: messages that could not be applied, set aside with their reason so that the others
flow."""

import traceback
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from cqrs_demo.contract.codec import DecodeError, kept
from cqrs_demo.database import Connection
from cqrs_demo.messaging.broker import Delivery

SET_ASIDE = """
insert into dead_letters (digest, queue, event_id, event_type, reason, error, body)
values (%(digest)s, %(queue)s, %(event_id)s, %(event_type)s, %(reason)s, %(error)s, %(body)s)
on conflict (digest) where status = 'waiting'
do update set failures = dead_letters.failures + 1, last_failed = clock_timestamp(),
    reason = excluded.reason, error = excluded.error
"""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A delivery and why it could not be applied."""

    delivery: Delivery
    reason: str
    error: str


def dead_letter(delivery: Delivery, error: Exception) -> DeadLetter:
    """`reason` is one line to group by; `error` is everything known, with the stack."""
    reason = (
        error.reason
        if isinstance(error, DecodeError)
        else f"{type(error).__name__}: {error}".splitlines()[0]
    )
    return DeadLetter(
        delivery,
        _storable(reason)[:500],
        _storable("".join(traceback.format_exception(error)))[:20_000],
    )


def digest(body: bytes) -> bytes:
    return sha256(body).digest()


async def set_aside(connection: Connection, letter: DeadLetter) -> None:
    """Store it; a message that is waiting already gets a higher count. Runs in the caller's
    transaction."""
    delivery = letter.delivery
    body = kept(delivery.body, delivery.content_type, delivery.headers)
    event_id, event_type = _claims(body)
    row = {
        "digest": digest(body),
        "queue": delivery.topic,
        "event_id": event_id,
        "event_type": event_type,
        "reason": letter.reason,
        "error": letter.error,
        "body": body,
    }
    await connection.execute(SET_ASIDE, row)


def _claims(body: bytes) -> tuple[str | None, str | None]:
    """The id and type that a broken message claims to have, where that can be read at all."""
    try:
        value: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None, None
    if not isinstance(value, dict):
        return None, None
    return _short(value.get("id")), _short(value.get("type"))


def _short(value: Any) -> str | None:
    return _storable(value)[:200] if isinstance(value, str) else None


def _storable(text: str) -> str:
    return text.replace("\0", "␀").encode(errors="replace").decode()
