"""Which hazards there are, each with what is done, what comes of it, and the line of ours that
removes it. Next: scenarios.py."""

from dataclasses import dataclass

from cqrs_demo.tooling.hazards import scenarios
from cqrs_demo.tooling.hazards.lines import CodeLine, line_with, naive_line
from cqrs_demo.tooling.hazards.scenarios import Scenario


@dataclass(frozen=True)
class Hazard:
    """`name` is also the mark at the naive line. `ours` is a file of the package and a text in the
    line that is meant."""

    name: str
    title: str
    what_happens: str
    naive_result: str
    prevented_by: str
    ours: tuple[str, str]
    scenario: Scenario
    of_a_newcomer: bool = False

    @property
    def naive_line(self) -> CodeLine:
        return naive_line(self.name)

    @property
    def our_line(self) -> CodeLine:
        return line_with(*self.ours)


HAZARDS = (
    Hazard(
        "dual-write",
        "Dual write",
        "The order service is killed after the commit and before the broker has the event.",
        "The order stands in the database, and no invoice will ever know of it.",
        "The event is committed together with the order; the relay publishes it after the restart.",
        ("order_service/commands.py", "insert into demo.outbox (sequence, event_id)"),
        scenarios.dual_write,
    ),
    Hazard(
        "lost-update",
        "Lost update",
        "Two orders of one customer arrive while that customer's row is busy for a moment.",
        "Both read the same invoice, and the second write wipes out the first.",
        "The total is added to in one statement, and a user's row is locked before it is read.",
        (
            "invoice_service/projections/invoices.py",
            "do update set total = invoices.total + excluded.total",
        ),
        scenarios.lost_update,
    ),
    Hazard(
        "duplicate",
        "Duplicate",
        "The line to the broker breaks when the broker has the event and before it can say so.",
        "The event is sent again, as it must be, and the order stands on the invoice twice.",
        "The event's id goes into the inbox in the transaction that applies it, once.",
        ("inbox/inbox.py", "insert into processed_events (event_id)"),
        scenarios.duplicate,
    ),
    Hazard(
        "reordering",
        "Reordering",
        "A new customer's account takes a moment to be written; the first orders are quicker.",
        "There is no such customer yet, so the orders fail, and they are acknowledged already.",
        "Whichever event comes first makes the user's row; the invoice waits for its address.",
        ("invoice_service/projections/read_model.py", "insert into invoice_account (user_id)"),
        scenarios.reordering,
        of_a_newcomer=True,
    ),
    Hazard(
        "acknowledged-first",
        "Acknowledged before committed",
        "The consumer is killed with orders in hand, before they are committed.",
        "The broker was told that they are done, so it does not deliver them again.",
        "Acknowledged after the commit: they come again, and the inbox counts each once.",
        ("inbox/consumer.py", "await subscription.acknowledge(deliveries)"),
        scenarios.acknowledged_first,
    ),
    Hazard(
        "retry-without-key",
        "A retry without a key",
        "The answer to an order is lost, and the client sends the order again.",
        "It is another order, and the customer pays twice.",
        "The Idempotency-Key is a unique column of the order: the first answer is given again.",
        ("order_service/commands.py", "on conflict do nothing"),
        scenarios.retry_without_key,
    ),
    Hazard(
        "stale-read",
        "Stale read",
        "The customer looks at the invoice right after the 201, while the consumer is slow.",
        "The order that was just accepted is not there; the customer orders again, or complains.",
        "A query may name the event of one's own write (after_event) and waits for it.",
        ("invoice_service/waiting.py", "async def until_projected"),
        scenarios.stale_read,
    ),
)

NAMES = tuple(hazard.name for hazard in HAZARDS)


def hazard_named(name: str) -> Hazard:
    """Raises LookupError, whose text names those there are."""
    for hazard in HAZARDS:
        if hazard.name == name:
            return hazard
    raise LookupError(f"there is no hazard {name!r}; there are {', '.join(NAMES)}")
