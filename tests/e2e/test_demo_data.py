"""A shop to look at, and a doctor who looks at it."""

import json

import httpx
import psycopg

from cqrs_demo.tooling.runtime.system import find_system
from tests.e2e.systems import Up, cqrs_demo


def count(shop: Up, database: str, table: str) -> int:
    with psycopg.connect(find_system(shop.folder).databases[database]) as connection:
        row = connection.execute(f"select count(*) from demo.{table}").fetchone()
    assert row is not None
    return int(row[0])


def test_demo_data_fills_the_shop_and_the_same_again_adds_nothing(shop: Up) -> None:
    # When the shop is filled twice with the same seed
    first = cqrs_demo(
        "demo-data", "--users", "8", "--orders", "40", "--seed", "7", "--data-dir", shop.folder
    )
    assert first.returncode == 0, first.stderr
    users, orders = count(shop, "user_service", "users"), count(shop, "order_service", "orders")
    again = cqrs_demo(
        "demo-data", "--users", "8", "--orders", "40", "--seed", "7", "--data-dir", shop.folder
    )
    # Then the second time made nothing
    assert "40 orders made" in first.stdout
    assert "0 orders made, and 40 were there from before" in again.stdout
    assert (count(shop, "user_service", "users"), count(shop, "order_service", "orders")) == (
        users,
        orders,
    )
    # And the invoice it points to is there
    url = next(
        line.strip().removeprefix("curl -s ").strip("'")
        for line in again.stdout.splitlines()
        if "/invoices?" in line
    )
    assert httpx.get(url).status_code == 200


def test_demo_data_without_a_system_says_how_to_start_one(tmp_path: object) -> None:
    refused = cqrs_demo("demo-data", "--data-dir", f"{tmp_path}/nothing")
    assert refused.returncode == 3
    assert "cqrs-demo up" in refused.stderr


def test_the_doctor_finds_a_running_system_well(shop: Up) -> None:
    # When the doctor looks at a healthy system
    looked = cqrs_demo("doctor", "--json", "--data-dir", shop.folder)
    found = json.loads(looked.stdout)
    # Then nothing is wrong, and everything that runs was looked at
    assert looked.returncode == 0, looked.stdout
    assert found["ok"] is True
    assert {
        "user-service",
        "database order_service",
        "broker pgmq",
        "PostgreSQL binaries",
        "event loop",
    } <= {check["name"] for check in found["checks"] if check["state"] == "ok"}


def test_the_doctor_names_what_is_wrong_and_its_cure(tmp_path: object) -> None:
    # Given a data folder that cannot be one
    wrong = f"{tmp_path}/file/data"
    with open(f"{tmp_path}/file", "w") as file:
        file.write("no folder")
    # When the doctor looks, then it says so, with the cure, and fails
    looked = cqrs_demo("doctor", "--data-dir", wrong)
    assert looked.returncode == 1
    assert "--data-dir" in looked.stdout
    assert "To mend: data folder" in looked.stdout
