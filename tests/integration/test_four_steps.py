"""The story: create a user, create an account, place orders, get the invoice."""

from tests.fixtures.shop import Shop


def test_four_steps_lead_to_an_invoice(shop: Shop) -> None:
    # Given a user with an account
    user = shop.create_user().json()
    assert user == {"id": user["id"], "name": "Alice", "email": "alice@demo.com"}
    account = shop.create_account(user["id"])
    assert account.json() == {
        "id": account.json()["id"],
        "user_id": user["id"],
        "address1": "123 Main St",
        "city": "Cityville",
        "state": "ST",
        "zip": "12345",
        "status": "open",
    }

    # When they place an order in April
    order = shop.place_order(user["id"], 50)
    assert order.status_code == 201
    assert order.headers["location"] == f"/order-service/orders/{order.json()['id']}"

    # Then the invoice of April has it, once the three events are projected
    shop.invoice(user["id"], after_event=account.headers["x-event-id"], wait=10)
    answer = shop.invoice(user["id"], after_event=order.headers["x-event-id"], wait=10)
    assert answer.status_code == 200
    assert answer.json() == {
        "invoice_id": answer.json()["invoice_id"],
        "user_id": user["id"],
        "email": "alice@demo.com",
        "shipping_address": "123 Main St, Cityville, ST 12345",
        "invoice_dt": "2025-04-01T00:00:00Z",
        "orders": [
            {"description": "Widget", "amount": 50.00, "purchase_dt": "2025-04-03T10:00:00Z"}
        ],
        "total": 50.00,
    }
    assert '"amount":50.00' in answer.text
    assert '"total":50.00' in answer.text
