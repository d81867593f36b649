"""The proof: orders accepted against orders invoiced, and what can be said of the two. It is green
only where count and sum agree."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import words
from known import Fact, together
from tally import OnTheWay

Row = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """`same` is green. `verify`: what to do about it is to verify."""

    state: Literal["same", "open", "differs", "unknown"]
    says: str
    under: str
    verify: bool = False


NOT_KNOWN = Verdict(
    "unknown", "not known at the moment", "One of the two does not answer: nothing is proved."
)


def verdict(accepted: Fact[Row], invoiced: Fact[Row], on_the_way: Fact[OnTheWay]) -> Verdict:
    difference = together(
        lambda a, i: (a["orders"] - i["orders"], a["amount"] - i["amount"]), accepted, invoiced
    )
    if not difference.fresh:
        return NOT_KNOWN
    orders, amount = difference.recorded() or (0, Decimal(0))
    if orders == 0 and amount == 0:
        return Verdict("same", "✓ accepted = invoiced", "Nothing lost, nothing doubled.")
    if orders > 0:
        return _missing(orders, amount, on_the_way)
    if orders == 0:
        says = f"amounts differ by {words.money(abs(amount))}"
        under = "As many orders, but another sum: Verify finds the rows."
    else:
        says = f"{words.plural(-orders, 'order')} too many, {words.money(-amount)}"
        under = "On invoices, and never accepted: Verify finds them."
    return Verdict("differs", says, under, verify=True)


def _missing(orders: int, amount: Decimal, on_the_way: Fact[OnTheWay]) -> Verdict:
    says = f"{words.plural(orders, 'order')} not invoiced yet, {words.money(amount)}"
    if not on_the_way.fresh:
        return Verdict("open", says, "What is on the way is unknown: invoice-service is silent.")
    if on_the_way.holds(lambda told: told.events >= orders):
        return Verdict("open", says, on_the_way.shown(_events))
    under = f"{on_the_way.shown(_events)}: if that stays so, verify."
    return Verdict("open", says, under, verify=True)


def _events(told: OnTheWay) -> str:
    return f"{words.plural(told.events, 'event')} on the way, by the logs"


def proof_html(accepted: Fact[Row], invoiced: Fact[Row], told: Verdict) -> str:
    numbers = [
        ("accepted", "orders in order-service", accepted),
        ("invoiced", "lines in invoice-service", invoiced),
    ]
    cells = "".join(
        f"<div><span>{name}</span><b>{side.shown(lambda row: words.number(row['orders']))}</b>"
        f"<em>{side.shown(lambda row: words.money(row['amount']))} · {where}</em></div>"
        for name, where, side in numbers
    )
    at = words.clock_of(min(accepted.at, invoiced.at))
    return (
        f'<div class="proof {told.state}">{cells}<div class="verdict"><b>{told.says}</b>'
        f"<em>{told.under} Measured at {at}.</em></div></div>"
    )
