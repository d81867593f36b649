"""What clients read while things die, not only what is there in the end."""

from tests.faults.shop import FaultyShop


def test_no_client_sees_an_invoice_shrink_or_misses_its_own_order(shop: FaultyShop) -> None:
    # Given two copies of the query service, clients who order, and clients who read from both
    with shop.and_another("invoice-service") as [other], shop.reading(), shop.load(rate=60):
        # When each copy is killed in the middle of it
        shop.after_orders(40)
        other.restart()
        shop.after_orders(40)
        shop["invoice-service"].restart()
        shop.after_orders(40)
    shop.skip_hiding()
    # Then no reader has seen what it must not see (reading() says so), and nothing is lost
    shop.assert_nothing_lost_nothing_doubled()
