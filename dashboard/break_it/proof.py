"""The proof: orders accepted against orders invoiced, and what can be said of the two. It is green
only where count and sum agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import words
from system.known import Fact, together, unknown
from system.sample import Sample

Row = dict[str, Any]
NONE = (0, Decimal(0))
AGREE = 4  # samples


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


def verdict(samples: Sequence[Sample]) -> Verdict:
    """Of the newest sample. That events are missing for good is said when the newest few agree:
    the two sides and the logs are not counted in the same millisecond."""
    newest = samples[-1]
    difference = _difference(newest)
    if not difference.fresh:
        return NOT_KNOWN
    orders, amount = difference.recorded() or NONE
    if (orders, amount) == NONE:
        return Verdict("same", "✓ accepted = invoiced", "Nothing lost, nothing doubled.")
    if orders > 0:
        says = f"{words.plural(orders, 'order')} not invoiced yet, {words.money(amount)}"
        return Verdict("open", says, *_on_the_way(samples))
    if orders == 0:
        says = f"amounts differ by {words.money(abs(amount))}"
        under = "As many orders, but another sum: Verify finds the rows."
    else:
        says = f"{words.plural(-orders, 'order')} too many, {words.money(-amount)}"
        under = "On invoices, and never accepted: Verify finds them."
    return Verdict("differs", says, under, verify=True)


def _difference(sample: Sample) -> Fact[tuple[int, Decimal]]:
    """Accepted less invoiced: orders, and what they come to."""
    if sample.accepted is None or sample.invoiced is None:
        return unknown("not counted yet")
    return together(
        lambda ours, theirs: (
            ours["orders"] - theirs["orders"],
            Decimal(ours["amount"]) - Decimal(theirs["amount"]),
        ),
        sample.accepted,
        sample.invoiced,
    )


def _on_the_way(samples: Sequence[Sample]) -> tuple[str, bool]:
    """What can be said of orders that are not invoiced, and whether to verify."""
    newest = samples[-1].on_the_way
    if not newest.fresh:
        return "How much is on the way is unknown.", False
    told = newest.shown(lambda told: words.plural(told.events, "event"))
    if all(_lacks_some(sample) for sample in samples[-AGREE:]):
        return f"Only {told} on the way, by the logs: Verify finds the others.", True
    return f"{told} on the way, by the logs.", False


def _lacks_some(sample: Sample) -> bool:
    """More orders are not invoiced than events are on the way."""
    return (
        together(
            lambda difference, told: difference[0] > told.events,
            _difference(sample),
            sample.on_the_way,
        ).recorded()
        is True
    )


def proof_html(sample: Sample, told: Verdict) -> str:
    not_yet: Fact[Row] = unknown("not counted yet")
    numbers = [
        ("accepted", "approved orders in order-service", sample.accepted or not_yet),
        ("invoiced", "lines in invoice-service", sample.invoiced or not_yet),
    ]
    cells = "".join(
        f"<div><span>{name}</span><b>{side.shown(lambda row: words.number(row['orders']))}</b>"
        f"<em>{side.shown(lambda row: words.money(row['amount']))} · {where}</em></div>"
        for name, where, side in numbers
    )
    return (
        f'<div class="proof {told.state}">{cells}<div class="verdict"><b>{told.says}</b>'
        f"<em>{told.under} Measured at {words.clock_of(sample.at)}.</em></div></div>"
    )
