"""Orders that need credit, as a notebook sees them: the credit, an order's story across the logs of
two services, and the controls of payment-service. Next: shop.py, which this is a part of."""

from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Any

import pandas as pd

from cqrs_demo.client.answer import Answer
from cqrs_demo.client.feed import FeedLine
from cqrs_demo.client.place import COMMAND_SERVICES
from cqrs_demo.messaging.broker import Message
from cqrs_demo.tooling.workshop.breakable import Breakable, User, until
from cqrs_demo.tooling.workshop.document import Document

CONSUMERS = ("order-service", "payment-service", "invoice-service")

CONSUMED_BY = {
    "order": "invoice_service",
    "payment": "order_service",
    "reservation": "payment_service",
}
"""Whose inbox tells that an event of this topic was applied."""

MOVE_DEADLINE = """
update demo.order_sagas set deadline = clock_timestamp() + make_interval(mins => :minutes)
where order_id = :order_id and state = 'reserving'
"""

Amount = Decimal | int | float | str


class SagaView(Breakable):
    """Orders are given as the answer that made them."""

    # Commands.

    def limit_credit(self, user: User, limit: Amount) -> Answer:
        """Without its event: that one concerns no invoice, and no notebook waits for it."""
        answer = self.client.limit_credit(self.real_id(user), limit)
        return Answer(answer.status, self.own.fields(answer.body))

    def cancel(self, order: Answer, reason: str | None = None) -> Answer:
        """Refused while the order waits for its credit, and when it was rejected."""
        return self.own.answer(self.client.cancel_order(self._order_id(order), reason), "order")

    # Queries.

    def credit(self, user: User) -> Document:
        """limit, reserved, available."""
        return Document(self.own.fields(self.client.credit(self.real_id(user))))

    def order(self, order: Answer) -> Document:
        """As it is now, without its saga."""
        found = self.client.order(self._order_id(order))
        found.pop("saga", None)
        return Document(self.own.fields(found, "order"))

    def saga(self, order: Answer) -> pd.DataFrame:
        """What has happened to it so far, a row per step: the state after it, and what was sent."""
        history = self.client.order(self._order_id(order))["saga"]["history"]
        rows = [
            {"happened": step["event"], "state": step["state"], "sent": ", ".join(step["sent"])}
            for step in history
        ]
        return pd.DataFrame(rows, index=[""] * len(rows))

    def orders(self) -> pd.DataFrame:
        """This notebook's orders, and what has become of each."""
        found = [self.client.order(int(id)) for id in self.own.all("order")]
        rows = [self.own.fields(order, "order") for order in found]
        columns = ["id", "description", "amount", "status", "reason"]
        shown = pd.DataFrame(rows, columns=columns, dtype=object)
        return shown.where(shown.notna(), "").set_index("id")

    def story(self, order: Answer) -> pd.DataFrame:
        """Every event that the order led to, in the order in which they were made, in a lane per
        service; and which event led to it."""
        events = [line.event for line in self._story(order)]
        types = {event["id"]: event["type"] for event in events}
        lanes = [event["source"].strip("/") for event in events]
        rows = [
            {
                "order-service": event["type"] if lane == "order-service" else "",
                "payment-service": event["type"] if lane == "payment-service" else "",
                "because of": types.get(event.get("causationid"), ""),
            }
            for event, lane in zip(events, lanes, strict=True)
        ]
        return pd.DataFrame(rows, index=[""] * len(rows))

    def _story(self, order: Answer) -> list[FeedLine]:
        story = str(self.own.real("event", order.event_id))
        feeds = [self.client.feed(service, correlation=story) for service in COMMAND_SERVICES]
        lines = chain.from_iterable(feed.read() for feed in feeds)
        # Within a log the order stays as it is. Two services are milliseconds apart.
        return sorted(lines, key=lambda line: datetime.fromisoformat(line.event["time"]))

    def _order_id(self, order: Answer) -> int:
        return int(self.own.real("order", order["id"]))

    # Time.

    def pause_payments(self) -> None:
        self.client.set_consumer("paused", "payment-service")
        print("payment-service does not answer: requests stay in its queue.")

    def resume_payments(self) -> None:
        self.client.set_consumer("running", "payment-service")
        print("payment-service answers.")

    def step_payments(self) -> None:
        """Waits until there is a message. Raises Refused when it is not paused, TookTooLong."""
        until(
            lambda: self.client.step_consumer(1, "payment-service") == 1,
            "nothing is in the queue of payment-service",
        )
        print("payment-service has taken one message.")

    def give_time(self, order: Answer, minutes: int) -> None:
        """The deadline is a column: it is moved to so many minutes from now."""
        self._own_folder()
        values = {"order_id": self._order_id(order), "minutes": minutes}
        self.client.execute("order_service", MOVE_DEADLINE, **values)

    def let_deadline_pass(self, order: Answer) -> None:
        """Nobody has to wait for it: it is moved to this moment, and the next sweep finds it.
        Raises TookTooLong."""
        self.give_time(order, minutes=0)
        until(lambda: self.order(order)["status"] != "pending", "the order is still pending")
        print("The deadline has passed.")

    def send_ahead(self, order: Answer, type: str) -> None:
        """Publish one event of the order's story now, past the relay; the relay sends it again
        later. So it overtakes what was before it in the outbox."""
        self._own_folder()
        [line] = [line for line in self._story(order) if line.event["type"] == type]
        with self.client.broker() as broker:
            broker.publish(Message(type, line.event["id"], line.text.encode()))
        until(lambda: self._is_applied([line.event]), f"{type} is not applied")

    def wait_until_settled(self, order: Answer) -> None:
        """Until every event of the order's story is applied, and led to no further one. Raises
        TookTooLong."""
        until(
            lambda: self._is_settled(order),
            "the order's story is not at its end. Is a relay or a consumer paused?",
        )

    def _is_settled(self, order: Answer) -> bool:
        """What follows from an event is in the log once the event is in the inbox: one transaction.
        So a story of which everything is applied, and that is no longer afterwards, has ended."""
        story = [line.event for line in self._story(order)]
        return self._is_applied(story) and len(self._story(order)) == len(story)

    def _is_applied(self, events: list[dict[str, Any]]) -> bool:
        query = "select count(*) as rows from demo.processed_events where event_id = :id"
        return all(
            self.client.sql(CONSUMED_BY[event["type"].partition(".")[0]], query, id=event["id"])[
                "rows"
            ].item()
            for event in events
        )
