"""Lists of what user-service wrote: users, and a user's accounts. One of them by id: routes.py."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from cqrs_demo.contract.events import User
from cqrs_demo.database import Pool
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.parameters import DIGITS, PathId, Rows
from cqrs_demo.http.problems import refusals
from cqrs_demo.http.service import routes
from cqrs_demo.user_service.routes import AccountBody

NEXT = "Only ids below this one: the last page's last id."
Before = Annotated[int, Field(ge=1, lt=2**63), DIGITS, Query(description=NEXT)]

USERS = "select id, name, email from demo.users where id < %s order by id desc limit %s"
ACCOUNTS = """
select id, user_id, address1, city, state, zip, status
from demo.accounts
where user_id = %s and id < %s
order by id desc
limit %s
"""


def query_routes(prefix: str, pool: Pool) -> APIRouter:
    router = routes(prefix)

    @router.get("/users", response_model=list[User], responses=refusals())
    async def get_users(limit: Rows = 100, before: Before = 2**63 - 1) -> JsonResponse:
        """A page of users, newest first. The next page is `before` the last one's id."""
        async with pool.connection() as connection:
            found = await connection.execute(USERS, [before, limit])
            return JsonResponse(await found.fetchall())

    @router.get("/users/{user_id}/accounts", response_model=list[AccountBody], responses=refusals())
    async def get_accounts(
        user_id: PathId, limit: Rows = 100, before: Before = 2**63 - 1
    ) -> JsonResponse:
        """A page of a user's accounts, newest first: the first is where the goods go. None for a
        user that is not there."""
        async with pool.connection() as connection:
            found = await connection.execute(ACCOUNTS, [user_id, before, limit])
            return JsonResponse(await found.fetchall())

    return router
