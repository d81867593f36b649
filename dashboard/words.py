"""How things are written for a person: money, times in the viewer's zone, numbers, durations."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


_zone: ContextVar[tzinfo | None] = ContextVar("zone", default=None)


@contextmanager
def in_zone(zone: tzinfo) -> Iterator[None]:
    """For what is made where no viewer is known."""
    token = _zone.set(zone)
    try:
        yield
    finally:
        _zone.reset(token)


def zone() -> tzinfo:
    """The viewer's, as their browser says."""
    if told := _zone.get():
        return told
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def money(amount: Decimal | float | int | None) -> str:
    return "–" if amount is None else f"${amount:,.2f}"


def number(count: int | None) -> str:
    return "–" if count is None else f"{count:,}"


def plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def instant(moment: datetime | str) -> datetime:
    return datetime.fromisoformat(moment) if isinstance(moment, str) else moment


def day_and_time(moment: datetime | str) -> str:
    return instant(moment).astimezone(zone()).strftime("%d %b %Y, %H:%M")


def clock(moment: datetime | str) -> str:
    return instant(moment).astimezone(zone()).strftime("%H:%M:%S")


def clock_of(seconds: float) -> str:
    """Of seconds since the epoch."""
    return clock(datetime.fromtimestamp(seconds, UTC))


def exact(moment: datetime) -> str:
    """To the millisecond, for tables of events."""
    return moment.astimezone(zone()).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def month(moment: datetime | str) -> str:
    """A month of invoicing. Those are UTC, wherever the viewer is."""
    at = instant(moment).astimezone(UTC)
    return f"{MONTHS[at.month - 1]} {at.year}"


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.0f} min"


def ago(seconds: float) -> str:
    """How old something is: whole seconds, then minutes."""
    return f"{seconds:.0f} s ago" if seconds < 100 else f"{seconds / 60:.0f} min ago"


def plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(
        "\\" + character if character in "\\`*_{}[]()#+-.!|~<>$:" else character
        for character in text
    )
