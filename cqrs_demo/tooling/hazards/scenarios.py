"""What happens in each hazard: the same orders and the same fault for whichever shop it is given.

No shop knows of this. The moment is hit from outside: by the bytes that pass on a line (wire.py),
or by a lock that somebody else holds in the database. Each returns the orders that their customer
looked for and did not see, or None where nobody looked.
"""

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Thread
from typing import Protocol

from cqrs_demo.tooling.hazards.orders import PlannedOrder, Work
from cqrs_demo.tooling.hazards.shops import ComparedShop
from cqrs_demo.tooling.hazards.waiting import wait_until


class Scenario(Protocol):
    def __call__(self, shop: ComparedShop, work: Work) -> Collection[PlannedOrder] | None: ...


def dual_write(shop: ComparedShop, work: Work) -> None:
    """The order service is killed after the commit and before the broker has the event."""
    first, *others = work.hit
    shop.place_calmly(work.before)
    moment = shop.to_broker.stop_at(first.description.encode(), passing=False)
    with meanwhile(shop, first):
        moment.wait()  # the event is on its way and has not arrived
        wait_until(lambda: shop.committed(first), "the commit")
        shop.writer.kill()
        shop.to_broker.flow()
    shop.writer.start()
    shop.place_calmly([*others, *work.after])


def duplicate(shop: ComparedShop, work: Work) -> None:
    """The line to the broker breaks when the broker has the event, and before it can say so."""
    first, *others = work.hit
    shop.place_calmly(work.before)
    moment = shop.to_broker.stop_at(shop.last_bytes_of_publishing(first), passing=True)
    with meanwhile(shop, first):
        moment.wait()
        wait_until(lambda: shop.shows(first), "the event to arrive")
        shop.to_broker.flow()  # a line that was caught ends
    shop.wait_until_nothing_moves()
    shop.place_calmly([*others, *work.after])


def retry_without_key(shop: ComparedShop, work: Work) -> None:
    """The answer to an order is lost, and the client sends the order again, with the same
    Idempotency-Key."""
    first, *others = work.hit
    shop.place_calmly(work.before)
    moment = shop.door.stop_at(first.description.encode(), passing=True)
    with meanwhile(shop, first, tries=3):
        moment.wait()
        wait_until(lambda: shop.shows(first), "the order to be carried out")
        shop.door.flow()
    shop.wait_until_nothing_moves()
    shop.place_calmly([*others, *work.after])


def acknowledged_first(shop: ComparedShop, work: Work) -> None:
    """The consumer is killed with orders in hand, before their commit."""
    shop.place_calmly(work.before)
    with shop.row_held(work.hit[0].user_id):
        place_into_hands(shop, work.hit)
        shop.reader.kill()
    shop.show_hidden_messages()
    shop.reader.start()
    shop.place_calmly(work.after)


def lost_update(shop: ComparedShop, work: Work) -> None:
    """Two orders of one customer arrive while that customer's row is busy for a moment. (Of more
    than two PostgreSQL may let any be the last.)"""
    shop.place_calmly(work.before)
    for first in range(0, len(work.hit), 2):
        with shop.row_held(work.hit[0].user_id):
            place_into_hands(shop, work.hit[first : first + 2])
        shop.wait_until_nothing_moves()
    shop.place_calmly(work.after)


def reordering(shop: ComparedShop, work: Work) -> None:
    """A new customer's account takes a moment to be written, and the first orders are quicker."""
    shop.place_calmly(work.before)
    with shop.customers_held():
        shop.open_account(work.newcomer)
        shop.wait_until_in_hand(1)
        shop.place_all(work.hit)
        shop.wait_until_nothing_moves()
    shop.place_calmly(work.after)


def stale_read(shop: ComparedShop, work: Work) -> Collection[PlannedOrder]:
    """The customer looks at the invoice as soon as the order is answered, while the consumer is
    slow."""
    shop.place_calmly(work.before)
    unseen = []
    for order in work.hit:
        with ThreadPoolExecutor(1) as customer:
            with shop.row_held(order.user_id):
                answer = shop.place(order) or {}
                looked = customer.submit(_seen, shop, order, answer.get("x-event-id"))
                wait([looked], timeout=0.3)  # a shop that lets its customer wait needs longer
            if not looked.result():
                unseen.append(order)
        shop.wait_until_nothing_moves()
    shop.place_calmly(work.after)
    return unseen


def place_into_hands(shop: ComparedShop, orders: Sequence[PlannedOrder]) -> None:
    """Each when the one before is in the consumer's hand: so they are served in this order, too."""
    for number, order in enumerate(orders, start=1):
        shop.place(order)
        shop.wait_until_in_hand(number)


def _seen(shop: ComparedShop, order: PlannedOrder, event_id: str | None) -> bool:
    """Asks as well as the shop allows: for its own write, where the answer named one."""
    own_write = {"after_event": event_id, "wait": 20} if event_id else {}
    return shop.shows(order, **own_write)


@contextmanager
def meanwhile(shop: ComparedShop, order: PlannedOrder, *, tries: int = 1) -> Iterator[None]:
    """The order is placed beside the block; afterwards it is answered, or its client gave up."""
    client = Thread(target=shop.place, args=[order], kwargs={"tries": tries})
    client.start()
    yield
    client.join()
