"""POST <prefix>/damage: two rows of the read model, changed by hand behind the projection's back.
For a workshop to find with verify, and to mend. Only there with CQRS_WORKSHOP=1."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body
from pydantic import AwareDatetime, BaseModel

from cqrs_demo.database import Pool
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.problems import Problem, refusals
from cqrs_demo.input import Input

CHANGE = """
update demo.invoice_lines
set amount = amount + 100, description = left(description, 1980) || ' (by hand)'
where order_id = (
    select order_id from demo.invoice_lines
    where status = 'approved' order by happened_at desc limit 1
)
returning order_id, invoice_id
"""

LOSE = """
delete from demo.invoice_lines
where order_id = (
    select order_id from demo.invoice_lines
    where invoice_id = %(invoice_id)s and order_id <> %(order_id)s and status = 'approved'
    order by order_id desc limit 1
)
returning order_id
"""

WHOSE = "select user_id, invoice_dt from demo.invoices where invoice_id = %(invoice_id)s"


class Damage(Input):
    """There is nothing to choose."""


class Damaged(BaseModel):
    """`changed` and `lost` are orders; a single line of an invoice is changed alone."""

    invoice_id: UUID
    user_id: int
    invoice_dt: AwareDatetime
    changed: int
    lost: int | None


def add_damage(router: APIRouter, pool: Pool) -> None:
    @router.post("/damage", response_model=Damaged, responses=refusals(409, 413))
    async def damage(_: Annotated[Damage, Body(default_factory=Damage)]) -> JsonResponse:
        """Changes the newest line of all invoices and loses another one of the same invoice. The
        logs are not touched: verify finds it, and a replay mends it."""
        damaged = await _damage(pool)
        if damaged is None:
            raise Problem(409, "nothing-to-damage", "there is no invoice yet; place an order first")
        return JsonResponse(damaged)


async def _damage(pool: Pool) -> dict[str, Any] | None:
    async with pool.connection() as connection, connection.transaction():
        changed = await (await connection.execute(CHANGE)).fetchone()
        if changed is None:
            return None
        lost = await (await connection.execute(LOSE, changed)).fetchone()
        whose = await (await connection.execute(WHOSE, changed)).fetchone()
    return {
        "invoice_id": changed["invoice_id"],
        "changed": changed["order_id"],
        "lost": lost["order_id"] if lost else None,
        **(whose or {}),
    }
