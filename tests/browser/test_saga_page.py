"""The page Saga without a browser: what its buttons do is real, and its timeline tells it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from tests.browser.conftest import shown, words_of
from tests.fixtures.shop import Shop, eventually, running_shop

Open = Callable[..., AppTest]

DEADLINE = 1.0  # seconds


@pytest.fixture(scope="module")
def hasty_shop(migrated: EmbeddedPostgres) -> Iterator[Shop]:
    with running_shop(migrated, payment_deadline=DEADLINE) as shop:
        yield shop


@pytest.fixture
def impatient(hasty_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A shop in which payment-service has a second to answer."""
    with shown(hasty_shop, monkeypatch):
        yield hasty_shop


def button(app: AppTest, name: str) -> Any:
    """By its name in clicks.py."""
    return next(found for found in app.button if found.key.rpartition(" ")[0] == name)


def click(app: AppTest, name: str) -> None:
    button(app, name).click().run()


def test_an_order_gets_its_credit_and_gives_it_back_when_it_is_cancelled(
    alice: int, open_page: Open
) -> None:
    # Given the page, when an order is placed that needs credit
    app = open_page("saga")
    click(app, "order credit")

    # Then it is approved, and its credit is reserved
    eventually(lambda: "$1,200.00 of $5,000.00 reserved" in words_of(app.run()))
    eventually(lambda: "a line of $1,200.00" in words_of(app.run()))
    assert "payment.reserved" in words_of(app)
    assert not app.exception

    # When it is cancelled, then the credit is given back and the line is gone
    click(app, "cancel")
    eventually(lambda: "$1,200.00 given back" in words_of(app.run()))
    eventually(lambda: "the line is gone" in words_of(app.run()))
    eventually(lambda: "$0.00 of $5,000.00 reserved" in words_of(app.run()))

    # And one above the limit is refused, and no order to cancel
    click(app, "order above")
    eventually(lambda: "of credit are left" in words_of(app.run()))
    eventually(lambda: button(app.run(), "cancel").disabled)


def test_when_payment_service_is_stopped_the_deadline_rejects_and_what_comes_late_is_given_back(
    impatient: Shop, open_page: Open
) -> None:
    # Given an order that payment-service does not hear of
    app = open_page("saga")
    click(app, "stop")
    assert "reservation.requested" in words_of(app)

    # When its deadline passes, then it is rejected
    eventually(lambda: "the deadline has passed" in words_of(app.run()))

    # And what payment-service reserves after that changes nothing, and is given back
    click(app, "go on")
    eventually(lambda: "$1,200.00 given back" in words_of(app.run()))
    eventually(lambda: "rejected: it changes nothing" in words_of(app.run()))


def test_a_release_overtakes_its_reservation_which_is_refused(
    impatient: Shop, open_page: Open
) -> None:
    # Given the page, when a release is to overtake its reservation
    app = open_page("saga")
    click(app, "overtake")

    # Then payment-service hears of the release first, and refuses what comes after it
    eventually(lambda: "it was released before it came" in words_of(app.run()))
    said = words_of(app)
    assert "nothing was reserved; noted" in said
    assert said.index("nothing was reserved; noted") < said.index("refused: it was released")

    # And the relay goes on
    eventually(lambda: not button(app.run(), "overtake").disabled)


def test_an_order_that_is_not_there_is_said_to_be_none(alice: int, open_page: Open) -> None:
    assert "there is no order 987654" in words_of(open_page("saga", order="987654"))
    assert "is none" in words_of(open_page("saga", order="seventeen"))
