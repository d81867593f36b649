"""The revenue report says what SQL over the order service's own table says."""

import random

from tests.fixtures.history import projected, run_replay
from tests.fixtures.shared_shop import fresh_email
from tests.fixtures.shop import Shop

MONTHS = """
select extract(month from purchase_dt at time zone 'UTC')::int, count(*), sum(amount)::float
from demo.orders where extract(year from purchase_dt at time zone 'UTC') = %s group by 1 order by 1
"""

CUSTOMERS = """
select user_id, count(*), sum(amount)::float
from demo.orders where extract(year from purchase_dt at time zone 'UTC') = %s group by 1
    order by 3 desc, 1 limit 3
"""


def test_the_revenue_report_equals_sql_over_the_orders(shared_shop: Shop) -> None:
    # Given four customers, of whom one has no name, and orders all over a year and at its edges
    shop, chance = shared_shop, random.Random(4)
    users = [shop.create_user(email=fresh_email()) for _ in range(3)]
    ids = [*(user.json()["id"] for user in users), 1_000_001]
    days = [
        f"1871-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}T12:00:00Z" for _ in range(40)
    ]
    edges = [
        "1870-12-31T23:30:00-01:00",
        "1871-12-31T23:30:00-01:00",
        "1872-01-01T00:30:00+01:00",
        "1871-01-01T00:00:00Z",
    ]
    orders = [
        shop.place_order(chance.choice(ids), chance.randint(1, 9_999) / 100, when)
        for when in (*days, *edges)
    ]
    projected(shop, *users, *orders)

    # When the report is asked for
    report = shop.get("invoice-service", "/reports/revenue", year=1871, top=3).json()

    # Then it is what the orders amount to
    assert [tuple(month.values()) for month in report["months"]] == shop.databases.rows(
        "order_service", MONTHS, 1871
    )
    top = [
        (customer["user_id"], customer["orders"], customer["revenue"])
        for customer in report["top_customers"]
    ]
    assert top == shop.databases.rows("order_service", CUSTOMERS, 1871)
    assert report["orders"] == 40 + 3 == sum(month["orders"] for month in report["months"])
    assert round(report["revenue"], 2) == round(
        sum(month["revenue"] for month in report["months"]), 2
    )
    known = {user.json()["id"]: user.json()["email"] for user in users}
    assert [customer["email"] for customer in report["top_customers"]] == [
        known.get(id) for id, _, _ in top
    ]


def test_a_new_read_model_is_filled_from_old_events(shared_shop: Shop) -> None:
    # Given orders from before the report existed: its table is empty
    shop = shared_shop
    projected(shop, shop.place_order(1_000_002, 12.5, "1990-06-01T00:00:00Z"))
    shop.databases.rows("invoice_service", "truncate demo.customer_revenue, demo.revenue_orders")
    assert shop.get("invoice-service", "/reports/revenue", year=1990).json() == {
        "year": 1990,
        "orders": 0,
        "revenue": 0.00,
        "months": [],
        "top_customers": [],
    }

    # When the model is replayed, then the report knows them; the command services were asked for
    # nothing but their logs
    run_replay(shop)
    assert shop.get("invoice-service", "/reports/revenue", year=1990).json()["months"] == [
        {"month": 6, "orders": 1, "revenue": 12.5}
    ]


def test_the_last_year_has_a_report(shared_shop: Shop) -> None:
    # Given the report on the last year that there is
    before = shared_shop.get("invoice-service", "/reports/revenue", year=9999).json()

    # When an order is placed in its last second, then it is in the report
    projected(shared_shop, shared_shop.place_order(1_000_003, 1, "9999-12-31T23:59:59Z"))
    report = shared_shop.get("invoice-service", "/reports/revenue", year=9999).json()
    assert report["orders"] == before["orders"] + 1
    assert report["months"][-1]["month"] == 12
