"""Many orders, and something dies every few seconds. Longer by hand:

CQRS_SOAK_SECONDS=600 CQRS_SOAK_RATE=300 pytest tests/faults/test_soak.py -s
"""

import os
import random
import time
from dataclasses import dataclass, field
from itertools import pairwise

from tests.faults.load import Arrivals
from tests.faults.shop import DATABASE, FaultyShop

SECONDS = float(os.environ.get("CQRS_SOAK_SECONDS", "12"))
RATE = float(
    os.environ.get("CQRS_SOAK_RATE", "100")
)  # orders/s that a slow machine serves, beside the faults and two other test runs
SEED = int(os.environ.get("CQRS_SOAK_SEED", "1"))
PAUSE = (1.0, 5.0)  # seconds between two faults
LEAST_SHARE = 0.5  # of the asked rate, while no fault was being made


def test_whatever_dies_under_load_every_order_counts_once(shop: FaultyShop) -> None:
    chance, deadline = random.Random(SEED), time.monotonic() + SECONDS
    with shop.reading(), shop.load(rate=RATE, clients=24) as arrivals:
        course = Course()
        while time.monotonic() < deadline:
            time.sleep(chance.uniform(*PAUSE))  # the pace of the faults, not a wait for anything
            fault = chance.choice(FAULTS)
            print(
                f"{SECONDS - (deadline - time.monotonic()):6.1f} s  {len(shop.ledger.orders):6} "
                f"orders  {fault.__name__}",
                flush=True,
            )
            began = time.monotonic()
            fault(shop, chance)
            course.faults.append((fault.__name__, began, time.monotonic()))
        time.sleep(PAUSE[1])  # the last fault, too, has an aftermath
        course.ended = time.monotonic()
    said = course.told(shop.ledger.moments, arrivals) + f"\ntries: {dict(shop.ledger.tries)}"
    print(said)
    shop.assert_nothing_lost_nothing_doubled(seconds=max(60, SECONDS / 2))
    assert course.share(shop.ledger.moments) >= LEAST_SHARE, said


@dataclass
class Course:
    """What happened when, by time.monotonic().

    The bound holds for the time in which no fault was being made: from a fault's beginning to the
    moment when what it broke is started again, clients have no claim, and how long that takes is
    the machine's affair (a service's start takes seconds where the processor is busy). The
    aftermath counts: a system that heals late, or never, fails. So does a load client that is the
    bound itself.
    """

    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    faults: list[tuple[str, float, float]] = field(default_factory=list)

    def share(self, moments: list[float]) -> float:
        """Answered orders of those asked for, while no fault was being made."""
        answered = [
            moment
            for moment in moments
            if self.began <= moment < self.ended and not self._faulty(moment)
        ]
        return len(answered) / (RATE * self._quiet())

    def told(self, moments: list[float], arrivals: Arrivals) -> str:
        inside = [moment for moment in moments if self.began <= moment < self.ended]
        lines = [
            f"asked for {RATE:.0f} orders/s during {self.ended - self.began:.0f} s, answered "
            f"{len(inside) / (self.ended - self.began):.0f}/s; "
            f"while no fault was being made ({self._quiet():.0f} s): {self.share(moments):.0%} of "
            "what was asked for; "
            f"never placed, because the arrears were too long: {arrivals.dropped}",
            "where the time went (the fault; its making; the longest time without an answer from "
            "then until the next fault):",
        ]
        ends = [began for _, began, _ in self.faults[1:]] + [self.ended]
        for (name, began, made), end in zip(self.faults, ends, strict=True):
            silence = _longest_silence(
                [began, *(moment for moment in inside if began < moment < end), end]
            )
            lines.append(
                f"  {began - self.began:6.1f} s  {name:18} {made - began:5.1f} s  {silence:5.1f} s"
            )
        return "\n".join(lines)

    def _faulty(self, moment: float) -> bool:
        return any(began <= moment < made for _, began, made in self.faults)

    def _quiet(self) -> float:
        return self.ended - self.began - sum(made - began for _, began, made in self.faults)


def _longest_silence(moments: list[float]) -> float:
    return max(later - earlier for earlier, later in pairwise(sorted(moments)))


def kill_a_service(shop: FaultyShop, chance: random.Random) -> None:
    shop[chance.choice(list(DATABASE))].restart()


def stop_a_service(shop: FaultyShop, chance: random.Random) -> None:
    service = shop[chance.choice(list(DATABASE))]
    service.terminate(20)
    service.start()


def freeze_a_service(shop: FaultyShop, chance: random.Random) -> None:
    service = shop[chance.choice(list(DATABASE))]
    service.pause()
    time.sleep(chance.uniform(0.5, 3))
    service.resume()


def kill_the_broker(shop: FaultyShop, chance: random.Random) -> None:
    shop.broker.kill()
    time.sleep(chance.uniform(0, 3))
    shop.broker.start()


def kill_postgresql(shop: FaultyShop, chance: random.Random) -> None:
    shop.postgres.kill()
    time.sleep(chance.uniform(0, 3))
    shop.postgres.start()


def end_all_sessions(shop: FaultyShop, chance: random.Random) -> None:
    shop.end_sessions(chance.choice(list(DATABASE)))


def cut_the_lines(shop: FaultyShop, chance: random.Random) -> None:
    for wires in (shop.to_broker, shop.to_database):
        wires[chance.choice(list(DATABASE))].cut()


FAULTS = [kill_a_service] * 3 + [
    stop_a_service,
    freeze_a_service,
    kill_the_broker,
    kill_postgresql,
    end_all_sessions,
    cut_the_lines,
]
