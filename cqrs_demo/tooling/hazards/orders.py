"""The orders of one hazard, drawn from a seed: the same for both shops, and the same every time."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID, uuid5

NAMESPACE = UUID("0f6b9c1e-6f0e-4b0e-9d0a-6d1b3f0f7c52")
ORDERS = 12
CUSTOMERS = 3


@dataclass(frozen=True)
class PlannedOrder:
    """`description` is unlike that of any other order: by it an order is known on an invoice."""

    user_id: int
    description: str
    amount: Decimal
    purchase_dt: str

    @property
    def month(self) -> tuple[int, int]:
        """Year and month of the invoice on which it belongs."""
        return int(self.purchase_dt[:4]), int(self.purchase_dt[5:7])

    @property
    def key(self) -> str:
        """For the Idempotency-Key."""
        return str(uuid5(NAMESPACE, f"{self.user_id}/{self.description}"))


@dataclass(frozen=True)
class Work:
    """What both shops are given: `before` and `after` the fault, and `hit`, the orders that are
    under way when it happens. Those in `hit` are all of one customer and one month. `newcomer` is a
    customer whose account is opened only when the hazard wants it."""

    customers: Sequence[int]
    newcomer: int
    before: Sequence[PlannedOrder]
    hit: Sequence[PlannedOrder]
    after: Sequence[PlannedOrder]

    @property
    def orders(self) -> list[PlannedOrder]:
        return [*self.before, *self.hit, *self.after]


def drawn(seed: int, users: Sequence[int], *, newcomer_hit: bool = False) -> Work:
    """The work for this seed. `users` are CUSTOMERS ids and the newcomer's."""
    chance = random.Random(seed)  # noqa: S311  # to be drawn again, not to be secret
    *customers, newcomer = users
    unlucky = newcomer if newcomer_hit else chance.choice(customers)
    numbers = iter(range(1, 1_000))

    def order(user_id: int, month: int | None = None) -> PlannedOrder:
        return PlannedOrder(
            user_id,
            f"order no. {next(numbers):03} of seed {seed}",
            Decimal(chance.randrange(2_000, 20_000)) / 100,
            f"2025-{month or chance.choice((4, 5, 6)):02}-{chance.randrange(1, 29):02}T10:00:00Z",
        )

    month = chance.choice((4, 5, 6))
    early = [order(chance.choice(customers)) for _ in range(chance.randrange(3, 7))]
    if not newcomer_hit:  # so that there is an invoice when the fault comes
        early.append(order(unlucky, month))
    hit = [order(unlucky, month) for _ in range(chance.randrange(2, 5))]
    late = [order(chance.choice(customers)) for _ in range(ORDERS - len(early) - len(hit))]
    return Work(customers, newcomer, early, hit, late)
