"""What a notebook holds in its hand: the shop, seen from one run of one notebook.

`Shop.open()` attaches to the system that runs, or starts one that ends with the notebook. What it
shows is what this notebook made (notebook_ids.py says how), so every run looks the same. It hides
plumbing and never the pattern.
"""

from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import pandas as pd

from cqrs_demo.client.answer import Answer
from cqrs_demo.client.errors import NoAnswer, Refused, TookTooLong
from cqrs_demo.client.place import COMMAND_SERVICES
from cqrs_demo.contract.format import EventFormat
from cqrs_demo.exact_json import dumps
from cqrs_demo.messaging.broker import Message
from cqrs_demo.tooling.runtime.system import find_system
from cqrs_demo.tooling.workshop.breakable import User, until
from cqrs_demo.tooling.workshop.client import Client
from cqrs_demo.tooling.workshop.code import Code, code
from cqrs_demo.tooling.workshop.dashboard_link import DashboardLink, dashboard_link
from cqrs_demo.tooling.workshop.document import Document
from cqrs_demo.tooling.workshop.map import TABLES_ON_THE_MAP, Picture, draw_map
from cqrs_demo.tooling.workshop.notebook_ids import ENTITIES, NotebookIds
from cqrs_demo.tooling.workshop.peek import peek
from cqrs_demo.tooling.workshop.row_lock import RowLock
from cqrs_demo.tooling.workshop.saga_view import CONSUMERS, SagaView
from cqrs_demo.tooling.workshop.tables import readable
from cqrs_demo.tooling.workshop.versions import message_of, retold
from cqrs_demo.tooling.workshop.which_system import own_folder, running_system


class Shop(SagaView):
    """Users, orders and events are given as the answer that made them, or as their number. See
    Client for what each call raises."""

    def __init__(self, client: Client, folder: Path | None = None) -> None:
        """`folder` is the data folder of a system of our own: only then may it be broken."""
        self.client = client
        self.folder = folder
        self.own = NotebookIds()
        self.did: list[str] = []
        self._duplicates_before = 0
        self._copies_under_way = False

    @classmethod
    def open(cls) -> Self:
        """The system that runs, or a private one (a few seconds). Run again, it begins anew:
        nothing of before is shown."""
        system = running_system()
        shop = cls._on_own_system() if system is None else cls(Client(system))
        shop._begin()
        return shop

    @classmethod
    def open_private(cls, *, fresh: bool = False) -> Self:
        """A system of the notebook's own even if another one runs: for breaking things. `fresh`: a
        new and empty one."""
        shop = cls._on_own_system(fresh=fresh)
        shop._begin()
        return shop

    @classmethod
    def _on_own_system(cls, *, fresh: bool = False) -> Self:
        folder = own_folder(fresh=fresh)
        return cls(Client(find_system(folder)), folder)

    def close(self) -> None:
        """Let go of the connections. A private system goes on until the notebook ends."""
        self.client.close()

    def _begin(self) -> None:
        """Everything runs and nothing is under way, whatever an earlier notebook left paused.
        (Where others work at the same time it never gets quiet; then the depths that are shown are
        theirs too.)"""
        pd.set_option("display.max_colwidth", 110, "display.width", 160)
        RowLock.release_all()
        self.resume()
        with suppress(TookTooLong):
            until(self._is_quiet, "the outboxes and queues do not drain", seconds=10)
        self._duplicates_before = self._duplicates()

    def resume(self) -> None:
        """Let all relays and consumers run."""
        for service in COMMAND_SERVICES:
            self.client.set_relay(service, "running")
        for service in CONSUMERS:
            self.client.set_consumer("running", service)

    def _is_quiet(self) -> bool:
        outboxes = [self.client.relay(service)["outbox"] for service in COMMAND_SERVICES]
        return outboxes == [0] * len(outboxes) and sum(self.client.depths().values()) == 0

    def __repr__(self) -> str:
        return f"The shop is open: {', '.join(self.client.system.services)}"

    # Commands.

    def create_user(self, name: str, email: str, *, idempotency_key: str | None = None) -> Answer:
        answer = self.client.create_user(
            name, self.own.email(email), idempotency_key=self._key(idempotency_key)
        )
        return self.own.answer(answer, "user")

    def forget_emails(self) -> None:
        """Every email and idempotency key is new again, also one that this notebook has used."""
        self.own.new_tag()

    def create_account(
        self,
        user: User,
        address1: str,
        city: str,
        state: str,
        zip: str,
        *,
        idempotency_key: str | None = None,
    ) -> Answer:
        key = self._key(idempotency_key)
        answer = self.client.create_account(
            self.real_id(user), address1, city, state, zip, idempotency_key=key
        )
        return self.own.answer(answer, "account")

    def place_order(
        self,
        user: User,
        description: str,
        amount: Decimal | int | float | str,
        on: str = "2025-04-03",
        *,
        idempotency_key: str | None = None,
    ) -> Answer:
        """`on` is a day; the order is placed at ten in the morning, UTC."""
        moment, key = f"{on}T10:00:00Z", self._key(idempotency_key)
        answer = self.own.answer(
            self.client.place_order(
                self.real_id(user), description, amount, moment, idempotency_key=key
            ),
            "order",
        )
        self.did.append(answer.event_id if answer.ok else "An order was refused.")
        return answer

    def _key(self, key: str | None) -> str | None:
        return key and key + self.own.tag

    # Queries.

    def invoice(
        self,
        user: User,
        month: str = "2025-04",
        *,
        after: Answer | None = None,
        wait: float = 5,
        **more: Any,
    ) -> Answer:
        """`after` a command: the answer waits until its event is projected, up to `wait`
        seconds."""
        year, number = month.split("-")
        if after is not None:
            more |= {"after_event": self.real_event_id(after), "wait": wait}
        return self.own.answer(
            self.client.invoice(self.real_id(user), int(year), int(number), **more), None
        )

    # Looking inside.

    def peek(self, database: str, table: str) -> pd.DataFrame:
        """This notebook's rows of a table, without the columns that are never the same twice."""
        return peek(self.client, self.own, database, table)

    def sql(self, database: str, query: str, **parameters: Any) -> pd.DataFrame:
        """What a query finds: everybody's rows, with their real ids."""
        return readable(self.client.sql(database, query, **parameters))

    def log(self, service: str) -> list[dict[str, Any]]:
        """This notebook's events in a command service's log, as they go over the wire."""
        return [
            self.own.event(event, sequence)
            for sequence, event in enumerate(self._events_from(service), start=1)
        ]

    def event(self, made: Answer | str) -> Document:
        """One event as it goes over the wire."""
        shown = made.event_id if isinstance(made, Answer) else made
        [found] = [
            event
            for service in COMMAND_SERVICES
            for event in self.log(service)
            if event["id"] == shown
        ]
        return Document(found)

    def real_event_id(self, made: Answer | str) -> str:
        """The id behind "event-1"."""
        return str(self.own.real("event", made.event_id if isinstance(made, Answer) else made))

    def health(self) -> pd.DataFrame:
        """What each service's health check answers: 200, 503, or nothing."""
        return pd.DataFrame(
            [{service: self._health(service) for service in self.client.system.services}],
            index=["health check"],
        )

    def dashboard(self, page: str = "stage") -> DashboardLink:
        """A page of this system's dashboard, to be opened beside the notebook."""
        return dashboard_link(self.client.system, page)

    def code(self, name: str) -> Code:
        """The lines that matter of a part of the pattern, from the source that runs."""
        return code(name)

    def dead_letters(self) -> pd.DataFrame:
        """This notebook's messages that could not be applied."""
        return self.peek("invoice_service", "dead_letters")

    def retry_dead_letter(self, event: str) -> dict[str, int]:
        """{"applied", "failed"}."""
        return self.client.settle_dead_letters("retry", {"ids": self._letters(event)})

    def discard_dead_letter(self, event: str) -> dict[str, int]:
        """{"discarded"}."""
        return self.client.settle_dead_letters("discard", {"ids": self._letters(event)})

    def _letters(self, event: str) -> list[int]:
        query = "select id from demo.dead_letters where event_id = :event_id and status = 'waiting'"
        found = [
            int(id)
            for id in self.client.sql("invoice_service", query, event_id=self.real_event_id(event))[
                "id"
            ]
        ]
        if not found:
            raise Refused(f"there is no dead letter of {event} that waits")
        return found

    def _events_from(self, service: str) -> list[dict[str, Any]]:
        mine = set(self.own.all("event"))
        positions = self._log_positions(service)["sequence"]
        found = self.client.events(service, after=min(positions) - 1) if len(positions) else []
        return [event for event in found if event["id"] in mine]

    def _log_positions(self, service: str) -> pd.DataFrame:
        query = (
            "select id::text, type, subject, sequence from demo.events where id = "
            "any(cast(:mine as uuid[])) order by sequence"
        )
        return self.client.sql(
            service.replace("-", "_"), query, mine=list(map(str, self.own.all("event")))
        )

    def where(self) -> pd.DataFrame:
        """Where each of this notebook's events is by now: a row per event, a mark per place. "In
        hand" is what the consumer has taken and not yet finished, as the consumer itself says."""
        done, dead = set(self.peek("invoice_service", "processed_events")["event_id"]), self._dead()
        rows = []
        for service in COMMAND_SERVICES:
            database = service.replace("-", "_")
            unsent = set(self.peek(database, "outbox")["event_id"])
            for event in self._log_positions(service).itertuples():
                shown = self.own.shown("event", event.id)
                place = {
                    "outbox": shown in unsent,
                    "inbox": shown in done,
                    "dead letter": shown in dead,
                }
                place["in hand"] = not any(place.values()) and self._in_hand(event.id)
                place["queue"] = not any(place.values())
                rows.append({"event": shown, "type": event.type, "log": True, **place})
        return _marked(rows)

    def _in_hand(self, event_id: str) -> bool:
        try:
            self.client.passage("invoice-service", "consumer", event_id)
        except (Refused, NoAnswer):  # it never saw it; or it is dead, and has nothing in hand
            return False
        return True

    def duplicates(self) -> int:
        """How many deliveries the inbox has recognised since this notebook began. (A consumer
        that was started again begins at 0.)"""
        return self._duplicates() - self._duplicates_before

    def _duplicates(self) -> int:
        return int(self.client.consumer()["counts"].get("duplicate", 0))

    def _dead(self) -> set[str]:
        return set(self.peek("invoice_service", "dead_letters")["event_id"])

    def depths(self) -> pd.DataFrame:
        """Messages waiting in each queue, asked of the broker."""
        depths = self.client.depths()
        return pd.DataFrame([depths], index=["messages waiting"]).rename_axis(columns="queue")

    def map(self) -> Picture:
        """The system with this notebook's rows and messages in it."""
        depths = self.client.depths()
        counts = {
            (database, table): len(self.peek(database, table))
            for database, table in TABLES_ON_THE_MAP
        }
        return draw_map(counts, depths)

    # The logs as memory.

    def verify(self) -> pd.DataFrame:
        """What differs between the read model and what the logs say; a row per field. Empty when
        nothing does."""
        return self.own.differences(self.client.run("verify")["differences"])

    def replay(self) -> None:
        """Rebuild the whole read model from the logs, while it goes on serving."""
        print(f"The read model is rebuilt from {self.client.run('replay')['events']} events.")

    def replay_quietly(self) -> None:
        """The same, where how many events there are depends on what others do meanwhile."""
        self.client.run("replay")

    def time_of(self, made: Answer | str) -> str:
        """When it happened: the instant, for `as_of`."""
        return str(self._event_of(made)["time"])

    # Messages.

    def send_again(self, made: Answer | str) -> None:
        """Publish an event once more, byte for byte, as a relay does that crashed before it could
        note the confirm."""
        event = self._event_of(made)
        self._publish(event["type"], event)

    def send_as_new(self, made: Answer | str) -> str:
        """Publish what an event says once more, with its place in the log but under a new id: a
        copy that the inbox does not know. Returns its id as it is shown."""
        event = self._event_of(made) | {"id": str(uuid4())}
        self.own.meet("event", event["id"])
        self._publish(event["type"], event)
        return str(self.own.shown("event", event["id"]))

    def send_as(self, made: Answer | str, type: str, *, format: EventFormat = "json") -> str:
        """Publish what an event says as an event of that type, in that format, under a new id.
        Returns its id as it is shown."""
        event = retold(self._event_of(made), type)
        self.own.meet("event", event["id"])
        with self.client.broker() as broker:
            broker.publish(message_of(event, format))
        self._copies_under_way = True
        return str(self.own.shown("event", event["id"]))

    def _event_of(self, made: Answer | str) -> dict[str, Any]:
        real = self.real_event_id(made)
        return next(
            event
            for service in COMMAND_SERVICES
            for event in self._events_from(service)
            if event["id"] == real
        )

    def send(self, type: str, body: dict[str, Any]) -> str:
        """Publish something no command made; its id as it is shown. `user_id` and `id` in `data`
        are taken as they are."""
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": "/a-stranger",
            "type": type,
            "time": "2025-04-03T10:00:00Z",
        }
        event |= {
            "subject": "0",
            "datacontenttype": "application/json",
            "sequence": "0",
            "data": body,
        }
        if type in ENTITIES:  # else no inbox and no dead letter will ever know it
            self.own.meet("event", event["id"])
        shown = str(self.own.shown("event", event["id"]))
        self._publish(type, event)
        return shown

    def _publish(self, routing_key: str, event: dict[str, Any]) -> None:
        with self.client.broker() as broker:
            broker.publish(Message(routing_key, event["id"], dumps(event)))
        self._copies_under_way = True

    # Time.

    def pause_relay(self, service: str) -> None:
        self.client.set_relay(service, "paused")
        print(f"The relay of {service} is paused: events stay in its outbox.")

    def resume_relay(self, service: str) -> None:
        self.client.set_relay(service, "running")
        print(f"The relay of {service} runs.")

    def step_relay(self, service: str, count: int = 1) -> None:
        print(f"published: {self.client.step_relay(service, count)}")

    def pause_consumer(self) -> None:
        self.client.set_consumer("paused")
        print("The consumer is paused: messages stay in their queues.")

    def resume_consumer(self) -> None:
        self.client.set_consumer("running")
        print("The consumer runs.")

    def step_consumer(self, count: int = 1) -> None:
        print(f"taken from the queues: {self.client.step_consumer(count)}")

    def stand_still(self) -> None:
        """What is under way arrives; then the order service's relay and the consumer are paused."""
        self.resume()
        self.wait_until_projected()
        self.client.set_relay("order-service", "paused")
        self.client.set_consumer("paused")
        print("Time stands still: the order service's relay and the consumer are paused.")

    def wait_until_published(self) -> None:
        """Until every event of this notebook has left its outbox. Raises TookTooLong."""
        until(
            lambda: all(self.peek(s.replace("-", "_"), "outbox").empty for s in COMMAND_SERVICES),
            "events stay in the outbox",
        )

    def wait_until_projected(self) -> None:
        """Until every event of this notebook, and every copy sent again, was dealt with: it is in
        the read model, or set aside as a dead letter. Raises TookTooLong."""
        until(
            self._is_projected, "not every event is projected. Is the relay or the consumer paused?"
        )
        if self._copies_under_way:
            until(
                lambda: sum(self.client.depths().values()) == 0,
                "messages stay in the queues. Is the consumer paused?",
            )
            if self.client.consumer()["mode"] == "running":
                self.client.set_consumer("paused")  # answers when the batch in hand is done
                self.client.set_consumer("running")
            self._copies_under_way = False

    def _is_projected(self) -> bool:
        done = {*self.peek("invoice_service", "processed_events")["event_id"], *self._dead()}
        return done >= {self.own.shown("event", real) for real in self.own.all("event")}


def _marked(rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = ["log", "outbox", "queue", "in hand", "inbox", "dead letter"]
    shown = [{**row, **{name: "●" if row[name] else "" for name in columns}} for row in rows]
    frame = pd.DataFrame(
        sorted(shown, key=lambda row: int(row["event"].partition("-")[2])),
        columns=["event", "type", *columns],
    )
    frame.index = pd.Index([""] * len(frame))
    seldom = ("in hand", "dead letter")
    return frame.drop(columns=[name for name in seldom if not (frame[name] != "").any()])
