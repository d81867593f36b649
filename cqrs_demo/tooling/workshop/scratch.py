"""A PostgreSQL to try things in, apart from any shop; it ends with the notebook."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from cqrs_demo.tooling.workshop.private_systems import PrivateBroker
from cqrs_demo.tooling.workshop.tables import Databases, readable

A_YEAR = """
create table users as
    select id, 'user' || id || '@demo.com' as email from generate_series(1, 1000) as id;
create table accounts as
    select id, id as user_id, id || ' Main St' as address from users;
create table orders as
    select id, 1 + id % 1000 as user_id, 'Thing ' || id as description, 1.00 + id % 50 as amount,
        timestamptz '2025-01-01' + interval '21 minutes' * id as purchase_dt
    from generate_series(1, 24000) as id;
alter table users add primary key (id);
create index on accounts (user_id);
create index on orders (user_id);
create table invoices as
    select u.id as user_id, date_trunc('month', o.purchase_dt) as invoice_dt, u.email, a.address,
        sum(o.amount) as total
    from users as u
    join accounts as a on a.user_id = u.id
    join orders as o on o.user_id = u.id
    group by 1, 2, 3, 4;
alter table invoices add primary key (user_id, invoice_dt);
create index on invoices (invoice_dt);
analyze
"""


class Scratch:
    """One database (it takes a few seconds to start). Raises Refused with what PostgreSQL says."""

    def __init__(self) -> None:
        self._kept = PrivateBroker("pgmq")
        self._databases = Databases({"scratch": self._kept.url})

    _open: "Scratch | None" = None

    @classmethod
    def open(cls) -> "Scratch":
        """The one of this notebook, empty."""
        if Scratch._open is None:
            Scratch._open = Scratch()
        Scratch._open.execute("drop schema if exists demo cascade;\ncreate schema demo")
        return Scratch._open

    def execute(self, statements: str) -> None:
        for statement in statements.split(";\n"):
            if statement.strip():
                self._databases.execute("scratch", statement)

    def fill_with_a_year_of_orders(self) -> None:
        """1,000 users with an account each, 24,000 orders over a year, and the read model that is
        made of them."""
        self.execute(A_YEAR)
        counts = self.sql(
            "select (select count(*) from orders) as orders, (select count(*) from invoices) "
            "as invoices"
        )
        print(f"{counts['orders'].item()} orders, {counts['invoices'].item()} invoices")

    def sql(self, query: str) -> pd.DataFrame:
        return readable(self._databases.read("scratch", query))

    def plan(self, query: str) -> pd.DataFrame:
        """What PostgreSQL really did for a query: its steps, first to last, with the rows that each
        gave or read and threw away."""
        explained = self._databases.read("scratch", f"explain (analyze, format json) {query}").iloc[
            0, 0
        ]
        frame = pd.DataFrame(list(_steps(explained[0]["Plan"])), columns=["step", "table", "rows"])
        frame.index = pd.Index([""] * len(frame))
        return frame


def rows_read(plan: pd.DataFrame) -> int:
    """How many rows came out of tables, in all steps of a plan."""
    return int(plan.loc[plan["table"] != "", "rows"].sum())


def _steps(node: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """A node of the plan after those that feed it."""
    for inner in node.get("Plans", []):
        yield from _steps(inner)
    rows = round(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    )
    yield node["Node Type"], node.get("Relation Name", ""), rows
