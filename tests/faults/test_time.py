"""Clocks that jump, and moments at the edges of the calendar."""

import pytest

from tests.faults.shop import FaultyShop, on_pgmq

BACK = "alter table demo.events alter column time set default clock_timestamp() - interval '1 day'"
NOW = "alter table demo.events alter column time set default clock_timestamp()"


def test_when_the_clock_jumps_back_the_newest_account_still_wins(shop: FaultyShop) -> None:
    # Given an account, and then a clock that is a day behind: the next events seem to be older
    user = shop.users[0]
    shop.client.account(user)
    shop.rows("user-service", BACK)
    shop.rows("order-service", BACK)
    try:
        # When the user moves, and orders
        shop.client.account(user)
        shop.client.order(user)
        [(later,), (earlier,)] = shop.rows(
            "user-service", "select time from demo.events order by sequence desc limit 2"
        )
        assert later < earlier
    finally:
        shop.rows("user-service", NOW)
        shop.rows("order-service", NOW)
    # Then the address is the one that was told last
    shop.assert_nothing_lost_nothing_doubled()


MOMENTS = {
    "2025-03-31T23:59:59-05:00": "2025-04",
    "2025-04-01T00:00:00+14:00": "2025-03",
    "2025-12-31T23:59:59-00:01": "2026-01",
    "2024-02-29T23:59:59Z": "2024-02",
    "2024-02-29T23:59:59-01:00": "2024-03",
    "9999-12-31T23:59:59Z": "9999-12",
    "9999-12-31T23:59:59.999999Z": "9999-12",
    "0001-01-01T00:00:00Z": "0001-01",
}


def test_an_order_stands_on_the_invoice_of_its_month_in_utc(shop: FaultyShop) -> None:
    user = shop.client.user()
    for moment in MOMENTS:
        body = {"user_id": user, "description": moment, "amount": 1, "purchase_dt": moment}
        shop.promise(shop.client.command("order-service", "/orders", body))
    shop.assert_nothing_lost_nothing_doubled()
    for month in MOMENTS.values():
        invoice = shop.invoice(user, month)
        assert invoice is not None
        assert [line["description"] for line in invoice["orders"]] == [
            moment for moment in MOMENTS if MOMENTS[moment] == month
        ]


@pytest.mark.parametrize(
    "purchase_dt",
    ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+01:00", "2025-02-29T00:00:00Z"],
)
@on_pgmq
def test_a_moment_that_no_calendar_holds_is_refused_and_leaves_nothing_behind(
    shop: FaultyShop, purchase_dt: str
) -> None:
    body = {
        "user_id": shop.users[0],
        "description": "never",
        "amount": 1,
        "purchase_dt": purchase_dt,
    }
    status, _ = shop.client.attempt("order-service", "/orders", body, purchase_dt)
    assert status == 422
    shop.assert_nothing_lost_nothing_doubled()
