"""What was accepted, against what the invoices show: the same count for both shops, asked of their
HTTP APIs as a customer would.

An order is accepted when it was answered 201, or when it stands in the shop's orders although its
answer was lost. It is one order however often it was sent.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cqrs_demo.tooling.hazards.orders import PlannedOrder

Invoices = Mapping[tuple[int, int, int], Mapping[str, Any] | None]
"""By user, year and month: what the shop answers, None where it knows no such invoice."""


@dataclass(frozen=True)
class Tally:
    count: int
    money: Decimal

    @classmethod
    def of(cls, amounts: Iterable[Decimal]) -> "Tally":
        each = list(amounts)
        return cls(len(each), sum(each, Decimal("0.00")))


@dataclass(frozen=True)
class Row:
    """One shop's line of the table. `wrong_sums` are the invoices that do not come to what was
    ordered, and by how much in all; `unseen` the orders that their own customer did not find on the
    invoice after the 201, None where nobody looked."""

    shop: str
    accepted: Tally
    invoiced: Tally
    lost: Tally
    doubled: Tally
    wrong_sums: Tally
    unseen: Tally | None

    @property
    def sound(self) -> bool:
        harm = (self.lost, self.doubled, self.wrong_sums, self.unseen)
        return not any(tally.count for tally in harm if tally is not None)


def month_of(order: PlannedOrder) -> tuple[int, int, int]:
    return (order.user_id, *order.month)


def judge(
    shop: str,
    accepted: Sequence[PlannedOrder],
    invoices: Invoices,
    unseen: Collection[PlannedOrder] | None = None,
) -> Row:
    """`invoices` must hold every month in which an order was accepted."""
    lines = [line for invoice in invoices.values() if invoice for line in invoice["orders"]]
    shown = Counter(str(line["description"]) for line in lines)
    return Row(
        shop,
        accepted=Tally.of(order.amount for order in accepted),
        invoiced=Tally.of(Decimal(str(line["amount"])) for line in lines),
        lost=Tally.of(order.amount for order in accepted if not shown[order.description]),
        doubled=Tally.of(
            order.amount for order in accepted for _ in range(shown[order.description] - 1)
        ),
        wrong_sums=_wrong_sums(accepted, invoices),
        unseen=None if unseen is None else Tally.of(order.amount for order in unseen),
    )


def _wrong_sums(accepted: Sequence[PlannedOrder], invoices: Invoices) -> Tally:
    differences = []
    for month, invoice in invoices.items():
        ordered = sum((o.amount for o in accepted if month_of(o) == month), Decimal("0.00"))
        shown = Decimal(str(invoice["total"])) if invoice else Decimal("0.00")
        differences.append(abs(ordered - shown))
    return Tally.of(difference for difference in differences if difference)
