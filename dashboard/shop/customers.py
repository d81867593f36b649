"""Whom the shop shows, and which month: what the viewer chose, else the newest there is to see."""

from datetime import UTC, datetime

import streamlit as st

from cqrs_demo.client.errors import NoAnswer, Refused
from system import fetch
from system.reach import Row, client
from system.shared import shared

Month = tuple[int, int]


def known_customers() -> dict[int, Row]:
    """The newest by id, and the chosen one, however old."""
    users = {user["id"]: user for user in fetch.newest_users()}
    chosen = st.session_state.get("customer")
    if chosen is not None and chosen not in users and (user := _one(chosen)):
        users[chosen] = user
    return users


@shared(5)
def _one(id: int) -> Row | None:
    try:
        return dict(client().get("user-service", f"/users/{id}").checked().body)
    except (NoAnswer, Refused):
        return None


def first_customer(users: dict[int, Row]) -> int:
    """The newest, if there is an invoice to see; else whose invoice is the newest."""
    newest = next(iter(users))
    try:
        if months_of(newest):
            return newest
        found = fetch.find_invoices("", None, None, 1)
    except NoAnswer:
        return newest
    return next((row["user_id"] for row in found if row["user_id"] in users), newest)


def months_of(user_id: int) -> list[Month]:
    """With an invoice, the newest first. Raises NoAnswer."""
    return [(at.year, at.month) for at in (at.astimezone(UTC) for at in fetch.months_of(user_id))]


def newest_month(user_id: int) -> Month:
    """That has an invoice; this month while there is none, or invoice-service is away."""
    try:
        months = months_of(user_id)
    except NoAnswer:
        months = []
    now = datetime.now(UTC)
    return months[0] if months else (now.year, now.month)


def month_from(written: str) -> Month:
    """Of an address: 2025-06. Raises ValueError."""
    at = datetime.strptime(written, "%Y-%m")
    return at.year, at.month


def month_as_written(month: Month) -> str:
    return f"{month[0]:04}-{month[1]:02}"
