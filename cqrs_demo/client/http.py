"""Requests as this client sends them: to a service of one system, with its token, in exact JSON,
each with a deadline. What a service answers is an Answer; that nobody answers is NoAnswer.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from json import JSONDecodeError
from typing import Any, Self

import httpx

from cqrs_demo.client.answer import KEPT, Answer
from cqrs_demo.client.errors import NoAnswer
from cqrs_demo.client.place import Place, bearer
from cqrs_demo.exact_json import dumps, loads

PATIENCE = 40.0
"""Seconds: longer than the longest `wait` of a query."""


class Http:
    """May be used by many threads. `place` may be exchanged at any time: a system that is started
    again may have other ports."""

    def __init__(
        self, place: Place, look: float = PATIENCE, act: float = PATIENCE, connect_again: int = 0
    ) -> None:
        """`look` and `act` are the seconds that a service may be silent in a GET, and in any other
        request. A connection that is not to be had is tried `connect_again` times more: then
        nothing was sent."""
        self.place = place
        self._look, self._act = look, act
        transport = httpx.HTTPTransport(retries=connect_again)
        self._http = httpx.Client(trust_env=False, transport=transport)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, service: str, path: str, **query: Any) -> Answer:
        """What is None is left out of the query."""
        given = {name: value for name, value in query.items() if value is not None}
        return self.call("GET", service, path, query=given)

    def post(
        self, service: str, path: str, body: Any, idempotency_key: str | None = None
    ) -> Answer:
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self.call("POST", service, path, body=body, headers=headers)

    def put(self, service: str, path: str, body: Any, idempotency_key: str | None = None) -> Answer:
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self.call("PUT", service, path, body=body, headers=headers)

    def delete(self, service: str, path: str) -> Answer:
        return self.call("DELETE", service, path)

    def call(
        self,
        method: str,
        service: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Raises NoAnswer."""
        content = {} if body is None else {"Content-Type": "application/json"}
        asked = time.time()
        with _said_of(service):
            answer = self._http.request(
                method,
                self.place.urls[service] + path,
                params=query,
                content=None if body is None else dumps(body),
                headers={**bearer(self.place.token), **content, **(headers or {})},
                timeout=self._look if method == "GET" else self._act,
            )
        return Answer(
            answer.status_code,
            _value(answer),
            {name: answer.headers[name] for name in KEPT if name in answer.headers},
            service,
            asked,
            time.time(),
        )

    @contextmanager
    def stream(
        self, service: str, path: str, query: Mapping[str, Any], silence: float
    ) -> Iterator[httpx.Response]:
        """An answer of any length, in which the service may be silent for `silence` seconds. Raises
        NoAnswer, Refused, also while it is read."""
        url, token = self.place.urls[service] + path, bearer(self.place.token)
        timeout = httpx.Timeout(self._look, read=silence)
        with (
            _said_of(service),
            self._http.stream("GET", url, params=query, headers=token, timeout=timeout) as answer,
        ):
            if answer.is_error:
                answer.read()
                Answer(answer.status_code, _value(answer), service=service).checked()
            yield answer


@contextmanager
def _said_of(service: str) -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as error:
        late = isinstance(error, httpx.TimeoutException)
        raise NoAnswer("does not answer" if late else "is not there", service) from error


def _value(answer: httpx.Response) -> Any:
    """JSON as the value it is, with amounts as Decimal; anything else as text."""
    kind = answer.headers.get("content-type", "")
    if "json" not in kind or "ndjson" in kind:
        return answer.text
    try:
        return loads(answer.content)
    except JSONDecodeError:
        return answer.text
