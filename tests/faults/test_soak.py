"""Many orders, and something dies every few seconds. Longer by hand:

CQRS_SOAK_SECONDS=600 CQRS_SOAK_RATE=300 pytest tests/faults/test_soak.py -s
"""

import os
import random
import time

from tests.faults.shop import DATABASE, FaultyShop

SECONDS = float(os.environ.get("CQRS_SOAK_SECONDS", "12"))
RATE = float(os.environ.get("CQRS_SOAK_RATE", "150"))
SEED = int(os.environ.get("CQRS_SOAK_SEED", "1"))
PAUSE = (1.0, 5.0)  # seconds between two faults


def test_whatever_dies_under_load_every_order_counts_once(shop: FaultyShop) -> None:
    chance, deadline = random.Random(SEED), time.monotonic() + SECONDS
    with shop.load(rate=RATE, clients=12):
        while time.monotonic() < deadline:
            time.sleep(chance.uniform(*PAUSE))  # the pace of the faults, not a wait for anything
            fault = chance.choice(FAULTS)
            print(
                f"{SECONDS - (deadline - time.monotonic()):6.1f} s  {len(shop.ledger.orders):6} orders  {fault.__name__}",
                flush=True,
            )
            fault(shop, chance)
    print(
        f"{len(shop.ledger.orders)} orders answered 201 in {SECONDS:.0f} s; tries: {dict(shop.ledger.tries)}"
    )
    shop.assert_nothing_lost_nothing_doubled(seconds=max(60, SECONDS / 2))


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
