"""Calls to a running system's services, for commands: an answer, or one clear line."""

from typing import TYPE_CHECKING, Any

from cqrs_demo.tooling.runtime.system import RunningSystem, SystemProblem

if TYPE_CHECKING:
    import httpx


class CallFailed(SystemProblem):
    """The service refused, or did not answer. The text is what a person needs to know."""


def call(system: RunningSystem, service: str, method: str, path: str, **options: Any) -> Any:
    """The JSON that a service answers; `options` as for httpx.request. Raises CallFailed with the
    problem's detail."""
    import httpx

    try:
        answer = httpx.request(
            method, system.url(service) + path, timeout=60, headers=system.headers, **options
        )
    except httpx.HTTPError as error:
        raise CallFailed(
            f"{service} does not answer ({error}). `cqrs-demo status` shows what runs"
        ) from error
    if answer.is_error:
        raise CallFailed(_problem(answer))
    return answer.json()


def _problem(answer: "httpx.Response") -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.request.url} answered {answer.status_code}"
