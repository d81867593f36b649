"""The client of the HTTP APIs, against services that run: exact amounts, and why there is no
answer."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice

import pytest

from cqrs_demo.client.client import Client
from cqrs_demo.client.errors import NoAnswer, Refused
from cqrs_demo.client.place import Place
from cqrs_demo.tooling.runtime.ports import free_port
from tests.fixtures.shared_shop import fresh_email
from tests.fixtures.shop import Shop, eventually

TOKEN = "t0ken-t0ken-t0ken"


@pytest.fixture
def client(shared_shop: Shop) -> Iterator[Client]:
    with Client(Place(shared_shop.urls)) as client:
        yield client


def test_an_amount_goes_there_and_comes_back_to_the_cent(client: Client) -> None:
    # Given a user with credit, when an order is placed, as large as orders get
    user = client.create_user("Alice", fresh_email())["id"]
    assert client.limit_credit(user, "9999999999.99")["limit"] == Decimal("9999999999.99")
    order = client.place_order(user, "Widget", "9999999999.99", "2025-04-03T10:00:00Z")

    # Then every answer has it exactly
    answer = eventually(lambda: (seen := client.invoice(user, 2025, 4)).ok and seen)
    assert client.order(order["id"])["amount"] == client.credit(user)["reserved"]
    assert order["amount"] == answer["total"] == Decimal("9999999999.99")
    [found] = client.search_invoices(user_id=user)
    assert found["total"] == Decimal("9999999999.99")
    assert client.event("order-service", order.event_id)["data"]["amount"] == order["amount"]
    assert order.event_id in client.projected(order.event_id)


def test_a_refusal_is_an_answer_and_says_what_is_wrong_with_which_field(client: Client) -> None:
    # When an order of nothing is placed
    answer = client.place_order(1, "Widget", 0)

    # Then the answer can be looked at, and checked it raises
    assert answer.status == 422
    with pytest.raises(Refused) as refused:
        answer.checked()
    assert (refused.value.where, refused.value.code) == ("order-service", "invalid-request")
    assert list(refused.value.fields) == ["amount"]


def test_the_same_key_makes_one_user(client: Client) -> None:
    email = fresh_email()
    first, second = (client.create_user("Al", email, idempotency_key=email) for _ in range(2))
    assert first["id"] == second["id"]
    assert first.event_id == second.event_id


def test_a_service_that_is_not_there_is_named(shared_shop: Shop) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/system-api"
    with (
        Client(Place({**shared_shop.urls, "user-service": nowhere})) as client,
        pytest.raises(NoAnswer, match="user-service: is not there"),
    ):
        client.users()


def test_a_service_whose_database_is_away_gives_no_answer(shared_shop: Shop) -> None:
    # Given a service with a database that nobody can reach
    away = f"postgresql://somebody:secret@127.0.0.1:{free_port()}/nothing"
    with (
        shared_shop.running("order-service", order_db=away) as url,
        Client(Place({"order-service": url})) as client,
        pytest.raises(NoAnswer, match="database does not answer"),
    ):
        # When it is asked, then that is what the client says, in the service's words
        client.statistics("order-service")


def test_every_call_carries_the_token_and_none_shows_it(shared_shop: Shop) -> None:
    with shared_shop.running("user-service", api_token=TOKEN) as url:
        place = Place({"user-service": url}, TOKEN)
        assert TOKEN not in repr(place)
        with Client(place) as client, Client(Place({"user-service": url})) as stranger:
            assert isinstance(client.users(limit=1), list)
            assert isinstance(list(client.feed("user-service").read()), list)
            with pytest.raises(Refused):
                stranger.users()
            with pytest.raises(Refused):
                list(stranger.feed("user-service").read())


def test_a_feed_goes_on_where_it_was_and_follows(client: Client) -> None:
    # Given a feed that was read to its end
    feed = client.feed("order-service", type="order.created")
    feed.skip_all_but(0)
    assert list(feed.read()) == []

    # When an order comes whose text holds what some take for a line's end
    order = client.place_order(1, "one\u2028line", 5)

    # Then it is the next line, of the feed and of who follows it
    lines = eventually(lambda: list(feed.read()))
    assert [line.event["id"] for line in lines] == [order.event_id]
    later = client.place_order(1, "another", 5)
    assert [line.event["id"] for line in islice(feed.follow(), 1)] == [later.event_id]


def test_a_verify_is_waited_for_and_tells_how_far_it_is(client: Client) -> None:
    told: list[str] = []
    result = client.run("verify", tell=lambda run: told.append(run["kind"]))
    assert result["events"] >= 0
    assert set(told) <= {"verify"}
    run = client.progress("verify")
    assert run is not None
    assert run["state"] == "done"
