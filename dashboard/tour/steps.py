"""The seven steps of the guided tour: a question to answer first, what is then done to the real
system, and what was to be expected. Next: panel.py, which asks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from break_it.traffic import send_duplicate, send_poison
from made_up import someone
from stage.flow import place_order
from system import fetch
from tour.crash import crash_in_hand


@dataclass(frozen=True)
class Step:
    """`right` is the place of the right answer among the `options`. One that `pauses` leaves the
    consumer paused."""

    title: str
    story: str
    question: str
    options: Sequence[str]
    right: int
    label: str
    act: Callable[[], object]
    answer: str
    pauses: bool = False


def order() -> None:
    """Somebody is there to order for, also in an empty shop."""
    if not fetch.newest_users():
        person, address = someone()
        user = fetch.create_user(person["name"], person["email"]).body
        fetch.create_account(user["id"], address)
        fetch.newest_users.clear()
    place_order()


def pause() -> None:
    fetch.set_gate("consumer", "paused")
    for _ in range(3):
        place_order()


def step() -> None:
    """Where somebody has skipped the pause, or let the three pass, that comes first."""
    if fetch.gate("consumer")["mode"] != "paused":
        pause()
    if not fetch.step("consumer"):
        pause()
        fetch.step("consumer")


def poison() -> None:
    send_poison()
    place_order()


def replay() -> None:
    fetch.start_run("replay", {})


STEPS = (
    Step(
        "Order",
        "An order is placed at order-service. invoice-service makes the invoice.",
        "order-service answers 201. Is the order on the invoice at that moment?",
        (
            "Yes: both are written in one transaction",
            "Not yet: it follows a moment later",
            "Only once somebody opens the invoice",
        ),
        1,
        "Place an order",
        order,
        "order-service commits three rows together: the order, its event, and a note in the "
        "outbox. Then it answers. The relay, the broker and the consumer bring the event to the "
        "invoice, milliseconds later: follow the dot.",
    ),
    Step(
        "Pause",
        "Now the consumer of invoice-service is paused, and three orders are placed.",
        "What happens to these orders?",
        ("They are refused", "They are lost", "They are accepted, and their events wait"),
        2,
        "Pause the consumer, place three orders",
        pause,
        "All three are accepted. order-service does not know whether anybody listens. Their "
        "events wait in the queue of orders, and the invoice is behind: that is lag, not loss.",
        pauses=True,
    ),
    Step(
        "Step",
        "The consumer is still paused. It is let to take a single message.",
        "Three events wait. What is on the invoice after one step?",
        ("The first of the three", "All three", "The newest of the three"),
        0,
        "Let one event pass",
        step,
        "One event, the oldest: its line and the id in the inbox are committed together, and only "
        "then is the message acknowledged. The others wait in their order.",
        pauses=True,
    ),
    Step(
        "Crash",
        "The consumer goes on. Then it is killed with an order in its hand: received, and not "
        "committed yet.",
        "What becomes of that order's line?",
        (
            "It is lost with the process",
            "It comes on the invoice twice",
            "It comes a little later, once",
        ),
        2,
        "Kill it with an order in its hand",
        crash_in_hand,
        "Nothing was acknowledged, so the broker delivers the message again (PGMQ within ten "
        "seconds) once the process is back. Look for the dot with the amber ring: it returns to "
        "its queue, and counts once.",
    ),
    Step(
        "Duplicate",
        "The newest order's event is published once more, as a relay does that dies between the "
        "broker's confirm and its own note of it.",
        "What does the second copy change on the invoice?",
        ("Nothing", "There is a second line", "The total is wrong until a replay"),
        0,
        "Send the last event again",
        send_duplicate,
        "The inbox has the event's id already, so the copy is dropped there: a dashed ring that "
        "dissolves. At least once on the way, exactly once in effect.",
    ),
    Step(
        "Poison",
        "A broken message is sent, whose amount is no number, and an ordinary order behind it.",
        "What happens to the order behind it?",
        (
            "It waits until somebody mends the broken one",
            "It is invoiced; the broken one is set aside",
            "Both are thrown away",
        ),
        1,
        "Send a broken message, then an order",
        poison,
        "The broken one becomes a dead letter, with its reason and its bytes, and the queue flows "
        "on. It waits on the page Dead letters until somebody retries or discards it.",
    ),
    Step(
        "Replay",
        "The read model is made of events, so it can be made again. Everything is replayed now.",
        "What do customers see of their invoices meanwhile?",
        (
            "Nothing: the tables are empty until it is done",
            "The invoices as they are, all the while",
            "The invoices grow from nothing",
        ),
        1,
        "Replay everything",
        replay,
        "The new model is built beside the old one and swapped in when it is complete; queries "
        "are served all the while. The page Replay shows its progress, and verifies the result.",
    ),
)
