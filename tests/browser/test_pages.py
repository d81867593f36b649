"""Every page, without a browser: it is drawn whatever state the system is in, and what its forms
send arrives."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from streamlit.testing.v1 import AppTest

from tests.browser.conftest import (
    PAGES,
    fetch,
    forget,
    one_invoice,
    reach,
    stores,
    words_of,
)
from tests.fixtures.history import run_replay
from tests.fixtures.shared_shop import fresh_email
from tests.fixtures.shop import Shop, eventually

Open = Callable[..., AppTest]

WHAT_TO_DO_FIRST = {
    "shop": "The shop is empty",
    "invoices": "No invoice yet",
    "stage": "Nothing written yet",
    "saga": "No order has needed credit yet",
    "stores": "No row at this moment",
    "break_it": "accepted = invoiced",
    "hazards": "Not shown yet",
    "dead_letters": "No dead letter waits",
    "replay": "once there are orders",
}


SET_ASIDE = """
insert into demo.dead_letters (digest, queue, event_type, reason, error, body)
select sha256(body), 'order', 'order.created', reason, 'stack', body
from (values (%s::bytea, %s)) as letter (body, reason)
"""
ORDERS_OF = "select count(*) from demo.orders where user_id = %s"
LINES_OF = (
    "select count(*) from demo.invoice_lines join demo.invoices using (invoice_id) where "
    "invoices.user_id = %s"
)
STATUSES = (
    "select reason, status from demo.dead_letters where reason in ('it was dark', 'not an "
    "event') order by status"
)


def fine(app: AppTest) -> bool:
    return not app.exception and "could not be drawn" not in words_of(app)


def test_in_an_empty_shop_each_page_says_what_to_do_first(
    empty_shop: Shop, open_page: Open
) -> None:
    # Given services without a single event, when each page is opened
    pages = {name: open_page(name) for name in PAGES}

    # Then each is drawn, and says what comes first
    assert [name for name, page in pages.items() if not fine(page)] == []
    assert [
        name for name, page in pages.items() if WHAT_TO_DO_FIRST[name] not in words_of(page)
    ] == []


def test_each_page_shows_what_there_is(alice: int, open_page: Open) -> None:
    # Given a customer with orders, when each page is opened
    pages = {name: open_page(name) for name in PAGES}

    # Then each is drawn
    assert [name for name, page in pages.items() if not fine(page)] == []

    # And the invoice is on its page with the name, the lines and the sum
    app = pages["invoices"]
    app.text_input(key="search").set_value(str(alice)).run()
    assert [
        word
        for word in ("Alice", "Widget", "Gadget", "$75.50", "123 Main St")
        if word not in words_of(app)
    ] == []


def test_pages_need_no_database_but_the_one_that_looks_into_them(
    alice: int, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a dashboard that is told where the services are, and of no database
    for service in ("USER", "ORDER", "INVOICE"):
        monkeypatch.delenv(f"CQRS_{service}_DB")
    forget()

    # When each page is opened, then it is drawn, and only what looks into stores lacks anything
    pages = {name: words_of(open_page(name)) for name in PAGES}
    lacking = [name for name, said in pages.items() if "not known here" in said]
    assert lacking == ["stores"]
    assert "Alice" in pages["shop"]
    assert "$75.50" in pages["invoices"]
    assert "accepted = invoiced" in pages["break_it"]


@pytest.mark.parametrize("service", ["user", "order", "invoice"])
def test_with_a_service_down_each_page_tells_which_and_goes_on(
    alice: int, open_page: Open, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    # Given a service where nobody listens
    monkeypatch.setenv(f"CQRS_{service.upper()}_SERVICE_URL", "http://127.0.0.1:1")
    forget()

    # When each page is opened
    pages = {name: open_page(name) for name in PAGES}

    # Then each is drawn, and says who is down
    assert [name for name, page in pages.items() if not fine(page)] == []
    assert [
        name for name, page in pages.items() if f"{service}-service is down" not in words_of(page)
    ] == []


def test_orders_are_still_placed_while_user_service_is_away(
    alice: int, busy_shop: Shop, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a shop that has been looked at, when user-service goes away for long
    app = open_page("shop")
    monkeypatch.setattr(fetch.newest_users, "_seconds", 0)
    monkeypatch.setenv("CQRS_USER_SERVICE_URL", "http://127.0.0.1:1")
    reach.system.clear()
    button(app.run(), "Place order").click().run()

    # Then its customers are still there, and the order is taken
    assert fine(app)
    assert busy_shop.databases.rows("order_service", ORDERS_OF, alice) == [(3,)]


def test_a_database_that_hangs_is_hung_up_on(busy_shop: Shop) -> None:
    # Given a server that answers nothing, and hears no timeout
    dsn = busy_shop.databases.dsn["order_service"]
    connection = psycopg.connect(dsn, autocommit=True)

    # When it is looked into, then the look ends all the same
    with pytest.raises(psycopg.OperationalError), stores.hung_up_after(0.2, connection):
        connection.execute("select pg_sleep(60)")
    connection.close()


def test_without_any_system_each_page_says_how_to_start_one(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Given a data folder that no system runs in
    monkeypatch.setenv("CQRS_DATA_DIR", str(tmp_path))
    forget()

    # When each page is opened, then it is drawn, and names the command
    pages = {name: open_page(name) for name in PAGES}
    assert [name for name, page in pages.items() if not fine(page)] == []
    assert [name for name, page in pages.items() if "cqrs\\-demo up" not in words_of(page)] == []


def test_a_random_customers_order_is_on_the_invoice_with_its_journey(
    busy_shop: Shop, open_page: Open
) -> None:
    # Given the shop, when a random customer is made and an order placed
    app = open_page("shop")
    button(app, "Random customer").click().run()
    app.text_input(key="order what").set_value("Blue <bicycle>")
    app.number_input(key="order amount").set_value(1250.5)
    button(app, "Place order").click().run()

    # Then the journey tells each hop, and the invoice shows it, escaped, once it has its credit
    eventually(lambda: "visible after" in words_of(app.run()))
    eventually(lambda: "Blue &lt;bicycle&gt;" in words_of(app.run()))
    assert "$1,250.50" in words_of(app)
    assert [
        hop
        for hop in ("asked", "committed", "accepted", "published", "received", "projected")
        if hop not in words_of(app)
    ] == []


def test_the_second_of_two_clicks_on_a_form_is_replayed(
    alice: int, busy_shop: Shop, open_page: Open
) -> None:
    # Given an order placed with the form as it was drawn
    app = open_page("shop")
    drawn = app.session_state["order key"]
    button(app, "Place order").click().run()
    assert "replayed" not in words_of(app)

    # When a click comes that was made on the same form
    app.session_state["order key"] = drawn
    button(app.run(), "Place order").click().run()

    # Then it is one order, and the page says why
    assert "replayed" in words_of(app)
    assert busy_shop.databases.rows("order_service", ORDERS_OF, alice) == [(3,)]

    # And a form that was changed is another order
    app.session_state["order key"] = drawn
    app.run().text_input(key="order what").set_value("Something else")
    button(app, "Place order").click().run()
    assert "replayed" not in words_of(app)
    assert busy_shop.databases.rows("order_service", ORDERS_OF, alice) == [(4,)]


def test_the_shop_begins_with_the_newest_month_that_has_an_invoice(
    alice: int, open_page: Open
) -> None:
    assert "Invoice · April 2025" in words_of(open_page("shop"))


def test_what_is_chosen_stands_in_the_address_and_comes_back(
    alice: int, busy_shop: Shop, open_page: Open
) -> None:
    # Given a link to Alice's April, and customers who came later
    busy_shop.create_user("Somebody newer", fresh_email())
    app = open_page("shop", customer=str(alice), month="2025-04")
    assert "$75.50" in words_of(app)

    # When another page is looked at meanwhile, with a link of its own
    app.switch_page("views/invoices.py").run()
    app.text_input(key="search").set_value(str(alice)).run()
    assert app.query_params["search"] == str(alice)
    app.switch_page("views/shop.py").run()

    # Then the shop still shows her, and so does the address
    assert app.session_state["customer"] == alice
    assert (app.query_params["customer"], app.query_params["month"]) == (str(alice), "2025-04")

    # And a link to the invoice opens it
    link = open_page("invoices", invoice=f"{alice}-2025-04", search="nobody has this name")
    assert "Gadget" in words_of(link)


def test_every_moment_of_an_invoice_is_reached_and_marked(alice: int, open_page: Open) -> None:
    # Given Alice's invoice of two orders
    app = open_page("invoices", invoice=f"{alice}-2025-04")
    assert "moment 2 of 2" in words_of(app)
    assert "2 events of 2 counted" in words_of(app)

    # When one moment earlier is asked for
    app.button(key="earlier").click().run()

    # Then the invoice is as it was, says so, and its address names the moment
    assert "moment 1 of 2" in words_of(app)
    assert "1 event of 2 counted" in words_of(app)
    assert 'class="as-of">as of' in words_of(app)
    assert "Gadget" not in words_of(app)
    assert "as_of" in app.query_params


def test_more_moments_than_one_answer_holds_are_all_there(
    alice: int, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_invoice, "MOMENTS", 1)
    assert "moment 2 of 2" in words_of(open_page("invoices", invoice=f"{alice}-2025-04"))


def test_fifty_orders_are_fifty_lines(alice: int, busy_shop: Shop, open_page: Open) -> None:
    # Given the shop, when fifty orders are placed at once
    app = open_page("shop")
    button(app, "Place 50 orders").click().run()

    # Then all are on the invoice
    eventually(lambda: "50 orders" in words_of(app.run()))
    assert busy_shop.databases.rows("order_service", ORDERS_OF, alice) == [(52,)]


def test_what_is_wrong_is_said_at_the_field(alice: int, busy_shop: Shop, open_page: Open) -> None:
    # Given the shop, when an order of nothing is placed
    app = open_page("shop")
    app.number_input(key="order amount").set_value(0.0)
    button(app, "Place order").click().run()

    # Then the amount's complaint is there, and no order is
    assert "must be more than zero" in words_of(app)
    assert busy_shop.databases.rows("order_service", ORDERS_OF, alice) == [(2,)]

    # And a taken email is said at the email
    taken = busy_shop.get("user-service", f"/users/{alice}").json()["email"]
    app.text_input(key="customer name").set_value("Alice again")
    app.text_input(key="customer email").set_value(taken.upper())
    button(app, "Create customer").click().run()
    assert "there is a user with the email" in words_of(app)


def test_a_new_address_reaches_the_invoice(alice: int, busy_shop: Shop, open_page: Open) -> None:
    # Given Alice's address form, when she moves
    app = open_page("shop")
    app.text_input(key=f"address1 {alice}").set_value("7 New Road")
    button(app, "Save address").click().run()

    # Then her invoice has the new address
    eventually(lambda: "7 New Road" in busy_shop.invoice(alice).json()["shipping_address"])


def test_a_dead_letter_is_retried_and_another_discarded(
    alice: int, busy_shop: Shop, open_page: Open
) -> None:
    # Given a message that was set aside although it is sound, and one that is not
    sound = json.loads(busy_shop.get("order-service", "/events", limit=1).text)
    sound |= {
        "id": str(uuid4()),
        "subject": "777777",
        "data": {**sound["data"], "id": 777777, "user_id": alice},
    }
    for body, reason in ((sound, "it was dark"), ({"amount": "a lot"}, "not an event")):
        busy_shop.databases.rows("invoice_service", SET_ASIDE, json.dumps(body).encode(), reason)

    # When the sound one is retried
    app = open_page("dead_letters")
    choose(app, "it was dark")
    button(app, "Retry this one").click().run()

    # Then it is on the invoice
    assert "1 message applied" in words_of(app)
    assert busy_shop.databases.rows("invoice_service", LINES_OF, alice) == [(3,)]

    # And the other, discarded, waits no more
    choose(app, "not an event")
    button(app, "Discard this one").click().run()
    assert busy_shop.databases.rows("invoice_service", STATUSES) == [
        ("not an event", "discarded"),
        ("it was dark", "retried"),
    ]


def test_a_dead_letter_is_edited_and_retried(alice: int, busy_shop: Shop, open_page: Open) -> None:
    # Given a message with a wrong amount
    broken = json.loads(busy_shop.get("order-service", "/events", limit=1).text)
    order = {**broken["data"], "id": 888888, "user_id": alice, "amount": "a lot"}
    broken |= {"id": str(uuid4()), "subject": "888888", "data": order}
    busy_shop.databases.rows(
        "invoice_service", SET_ASIDE, json.dumps(broken).encode(), "the amount is wrong"
    )
    app = open_page("dead_letters")
    app.session_state["letter_tabs"] = "Edit and retry"
    choose(app, "the amount is wrong")

    # When it is edited into something else that is wrong, then the page says what
    app.text_area[0].set_value("{}")
    button(app, "Apply it as edited").click().run()
    assert "not a CloudEvent" in words_of(app)

    # When it is corrected, then it is on the invoice, and the record says how it got there
    app.text_area[0].set_value(json.dumps({**broken, "data": {**order, "amount": 10}}))
    button(app, "Apply it as edited").click().run()
    assert "applied as edited" in words_of(app)
    assert busy_shop.databases.rows("invoice_service", LINES_OF, alice) == [(3,)]


def test_a_whole_group_is_not_discarded_by_one_click(
    alice: int, busy_shop: Shop, open_page: Open
) -> None:
    # Given messages set aside for one reason
    for body in (b"1", b"2"):
        busy_shop.databases.rows("invoice_service", SET_ASIDE, body, "of one kind")
    app = open_page("dead_letters")
    choose(app, "of one kind")

    # Then the button that discards them says how many, and what it means
    assert "Discard all of this reason" not in [found.label for found in app.button]
    assert "will never reach an invoice" in words_of(app)
    button(app, "Yes, discard 2").click().run()
    assert "2 messages discarded" in words_of(app)


def test_damage_is_shown_in_red_and_mended_while_the_invoice_is_served(
    alice: int, busy_shop: Shop, open_page: Open
) -> None:
    # Given a read model of what the logs have, damaged by the page
    run_replay(busy_shop, force=True)
    app = open_page("replay")
    button(app, "Damage it").click().run()
    assert "as it is served now" in words_of(app)
    assert "(by hand)" in words_of(app)

    # When it is verified, then what is live and what the log says stand side by side
    button(app, "Verify").click().run()
    eventually(lambda: '<td class="live">' in words_of(app.run()), seconds=30)
    assert "Gadget (by hand)" in words_of(app)

    # When it is replayed, then the invoice is whole again
    button(app, "Replay everything").click().run()
    eventually(lambda: busy_shop.invoice(alice).json()["total"] == 75.5, seconds=30)
    eventually(
        lambda: (
            len(busy_shop.invoice(alice).json()["orders"]) == 2
            and "(by hand)" not in busy_shop.invoice(alice).text
        ),
        seconds=30,
    )


def test_verify_shows_drift_and_mends_it(alice: int, busy_shop: Shop, open_page: Open) -> None:
    # Given a read model of what the logs have, and an invoice line that somebody changed behind the
    # projection's back
    run_replay(busy_shop, force=True)
    busy_shop.databases.rows(
        "invoice_service",
        "update demo.invoice_lines set description = 'Fake' where description = 'Gadget'",
    )

    # When verify is asked
    app = open_page("replay")
    button(app, "Verify").click().run()

    # Then it says that rows differ, and mends them on demand
    eventually(lambda: "from what the logs say" in words_of(app.run()), seconds=30)
    button(app, "Mend it").click().run()
    eventually(lambda: "mended" in words_of(app.run()), seconds=30)
    assert busy_shop.databases.rows(
        "invoice_service", "select count(*) from demo.invoice_lines where description = 'Fake'"
    ) == [(0,)]


def test_a_repair_that_is_refused_says_why(alice: int, busy_shop: Shop, open_page: Open) -> None:
    # Given an event in the read model that no log has, and a changed line
    busy_shop.databases.rows(
        "invoice_service", "insert into demo.processed_events (event_id) values (uuidv7())"
    )
    busy_shop.databases.rows(
        "invoice_service",
        "update demo.invoice_lines set description = 'Fake' where description = 'Gadget'",
    )

    # When it is verified and to be mended, then the page says what the service said, and what to do
    app = open_page("replay")
    button(app, "Verify").click().run()
    eventually(lambda: "from what the logs say" in words_of(app.run()), seconds=30)
    button(app, "Mend it").click().run()
    eventually(
        lambda: "events that the read model is made of are in no log" in words_of(app.run()),
        seconds=30,
    )
    run_replay(busy_shop, force=True)


def test_nothing_can_be_broken_without_the_workshops_controls(
    busy_shop: Shop, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an order-service that runs without CQRS_WORKSHOP
    with busy_shop.running("order-service", workshop=False) as url:
        monkeypatch.setenv("CQRS_ORDER_SERVICE_URL", url.removesuffix("/order-service"))
        forget()

        # When the page is opened, then there is not one button to break anything
        app = open_page("break_it")
        assert "nothing to break here" in words_of(app)
        assert list(app.button) == []


def test_a_duplicate_counts_once_and_a_broken_message_is_set_aside(
    alice: int, busy_shop: Shop, open_page: Open
) -> None:
    # Given the page that breaks things, when a duplicate and a broken message are sent
    app = open_page("break_it")
    button(app, "Send the last event again").click().run()
    button(app, "Send a broken message").click().run()

    # Then the one is recognised, the other set aside, and the newest order stands on its invoice
    # once
    eventually(
        lambda: re.search(
            "[1-9][0-9]* duplicates? recognised, [1-9][0-9]* dead letters? set aside",
            words_of(app.run()),
        )
    )
    assert busy_shop.databases.rows("invoice_service", LINES_OF, alice) == [(2,)]


def test_an_order_that_overtakes_its_user_waits_for_the_name(alice: int, open_page: Open) -> None:
    # Given an order whose user's event is held back
    app = open_page("break_it")
    button(app, "Let an order overtake its user").click().run()
    eventually(lambda: "email not known yet" in words_of(app.run()))

    # When the user's event is let through, then the invoice is completed
    button(app, "Let the user's event through").click().run()
    eventually(lambda: any(found.label == "Once more" for found in app.run().button))
    assert "email not known yet" not in words_of(app)


def button(app: AppTest, label: str) -> Any:
    return next(found for found in app.button if found.label == label)


def choose(app: AppTest, reason: str) -> None:
    groups = app.radio(key="group")
    groups.set_value(next(option for option in groups.options if reason in option)).run()
