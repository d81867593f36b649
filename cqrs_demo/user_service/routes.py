"""The HTTP face of user-service."""

from dataclasses import dataclass, fields

from fastapi import APIRouter

from cqrs_demo.contract.events import Account, User
from cqrs_demo.database import Pool
from cqrs_demo.http.answers import CREATED_HEADERS, created, found
from cqrs_demo.http.json import JsonResponse
from cqrs_demo.http.parameters import IdempotencyKey, PathId, TraceParent
from cqrs_demo.http.problems import refusals
from cqrs_demo.http.service import routes
from cqrs_demo.outbox.submit import Submit
from cqrs_demo.user_service.commands import CreateAccount, CreateUser, create_account, create_user

PREFIX = "/system-api"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBody(Account):
    status: str


USER, ACCOUNT = (tuple(field.name for field in fields(body)) for body in (User, AccountBody))


def user_routes(pool: Pool, users: Submit, accounts: Submit) -> APIRouter:
    router = routes(PREFIX)

    @router.post(
        "/users",
        status_code=201,
        response_model=User,
        responses={201: {"headers": CREATED_HEADERS}, **refusals(409, 413)},
    )
    async def post_user(
        command: CreateUser,
        idempotency_key: IdempotencyKey = None,
        traceparent: TraceParent = None,
    ) -> JsonResponse:
        accepted = await create_user(users, pool, command, idempotency_key, traceparent)
        return created(accepted, USER, f"{PREFIX}/users")

    @router.post(
        "/accounts",
        status_code=201,
        response_model=AccountBody,
        responses={201: {"headers": CREATED_HEADERS}, **refusals(404, 413)},
    )
    async def post_account(
        command: CreateAccount,
        idempotency_key: IdempotencyKey = None,
        traceparent: TraceParent = None,
    ) -> JsonResponse:
        accepted = await create_account(accounts, pool, command, idempotency_key, traceparent)
        return created(accepted, ACCOUNT, f"{PREFIX}/accounts")

    @router.get("/users/{id}", response_model=User, responses=refusals(404))
    async def get_user(id: PathId) -> JsonResponse:
        async with pool.connection() as connection:
            row = await (
                await connection.execute(
                    "select id, name, email from demo.users where id = %s", [id]
                )
            ).fetchone()
        return found(row, f"user {id}")

    @router.get("/accounts/{id}", response_model=AccountBody, responses=refusals(404))
    async def get_account(id: PathId) -> JsonResponse:
        query = (
            "select id, user_id, address1, city, state, zip, status from demo.accounts where "
            "id = %s"
        )
        async with pool.connection() as connection:
            row = await (await connection.execute(query, [id])).fetchone()
        return found(row, f"account {id}")

    return router
