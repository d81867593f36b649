"""Shows one hazard: both shops through the same scenario, at the same time, then the count.

A loss cannot be waited for. So a last order by another customer is sent after the fault; when it
stands on its invoice and nothing is under way any more, the naive shop is counted as it is. Ours
has PATIENCE to bring what was held up.
"""

import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from decimal import Decimal

import httpx
import psycopg

from cqrs_demo.tooling.hazards.catalog import Hazard
from cqrs_demo.tooling.hazards.oracle import Row, judge
from cqrs_demo.tooling.hazards.orders import PlannedOrder, Work, drawn
from cqrs_demo.tooling.hazards.shops import NAIVE, ComparedShop
from cqrs_demo.tooling.hazards.stage import BrokerKind, Say, Stage
from cqrs_demo.tooling.hazards.waiting import HazardFailed, wait_until
from cqrs_demo.tooling.hazards.wire import NotCaught

PATIENCE = 20.0  # seconds; RabbitMQ gives a dead consumer's messages back at once, PGMQ after ten


@dataclass(frozen=True)
class Shown:
    """`problems` is empty when ours kept every promise and the naive shop showed the hazard."""

    hazard: Hazard
    seed: int
    broker: BrokerKind
    seconds: float
    ours: Row
    naive: Row

    @property
    def problems(self) -> list[str]:
        found = []
        if not self.ours.sound:
            found.append("our shop did not keep its promise")
        if self.naive.sound:
            found.append("the naive shop shows nothing of this hazard")
        return found


def show(stage: Stage, hazard: Hazard, seed: int, say: Say) -> Shown:
    """Raises HazardFailed when the moment could not be hit, or a shop does not come to rest."""
    began = time.monotonic()
    work = drawn(seed, stage.new_customers(), newcomer_hit=hazard.of_a_newcomer)
    say(f"{hazard.title}: {len(work.orders)} orders into both shops. {hazard.what_happens}")
    ours, naive = _both(stage, hazard, work, say)
    return Shown(hazard, seed, stage.broker, time.monotonic() - began, ours, naive)


def _both(stage: Stage, hazard: Hazard, work: Work, say: Say) -> list[Row]:
    """At the same time. Both have ended when this returns or fails, but not when it is stopped:
    then their shops go away under them, and that ends them."""
    pool = ThreadPoolExecutor(2)
    sides = [pool.submit(_side, shop, hazard, work, say) for shop in stage.shops]
    try:
        wait(sides)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    return [side.result() for side in sides]


def _side(shop: ComparedShop, hazard: Hazard, work: Work, say: Say) -> Row:
    shop.answered.clear()
    try:
        unseen = hazard.scenario(shop, work)
    except (NotCaught, httpx.HTTPError, psycopg.Error) as error:
        raise HazardFailed(f"the {shop.anatomy.name} shop: {error}") from error
    say(f"{shop.anatomy.name}: the fault is over; counting what stands on the invoices")
    _settle(shop, work)
    row = _count(shop, work, unseen)
    deadline = time.monotonic() + PATIENCE
    while shop.anatomy is not NAIVE and not row.sound and time.monotonic() < deadline:
        time.sleep(0.1)
        row = _count(shop, work, unseen)
    return row


def _settle(shop: ComparedShop, work: Work) -> None:
    last = PlannedOrder(
        work.customers[0], "the last order", Decimal("1.00"), "2025-12-01T10:00:00Z"
    )
    shop.place(last)
    wait_until(lambda: shop.shows(last), f"the last order in the {shop.anatomy.name} shop")
    shop.wait_until_nothing_moves()


def _count(shop: ComparedShop, work: Work, unseen: Collection[PlannedOrder] | None) -> Row:
    accepted = shop.accepted(work.orders)
    return judge(shop.anatomy.name, accepted, shop.invoices(work.orders), unseen)
