"""A broker to play with, apart from any shop: the one that CQRS_LAB_BROKER names, else RabbitMQ in
a private node where it is installed, else PGMQ."""

import os
from typing import Self

import pandas as pd

from cqrs_demo.exact_json import dumps
from cqrs_demo.messaging.broker import INVOICE_SERVICE, Message
from cqrs_demo.messaging.queues import EXCHANGE
from cqrs_demo.tooling.runtime.rabbitmq_node import RabbitNode, rabbitmq_server
from cqrs_demo.tooling.workshop.broker import SyncBroker
from cqrs_demo.tooling.workshop.hand import Hand, PgmqHand, RabbitHand, Taken
from cqrs_demo.tooling.workshop.private_systems import Kind, PrivateBroker
from cqrs_demo.tooling.workshop.tables import Databases
from cqrs_demo.tooling.workshop.which_system import LAB_BROKER

TOPICS = INVOICE_SERVICE.topics


class Playground:
    """It ends with the notebook. What it shows is the same for both brokers; `kind` and `url` say
    which one it is."""

    def __init__(self, kind: Kind | None = None) -> None:
        """A few seconds. Raises DidNotStart."""
        self.kind: Kind = kind or wanted_kind()
        self._kept = PrivateBroker(self.kind)
        self.url = self._kept.url
        self._broker = SyncBroker(self.url)
        self._broker.declare()
        self._hands: list[Hand] = []

    _open: "Playground | None" = None

    @classmethod
    def open(cls) -> Self:
        """The one of this notebook, with empty queues."""
        if cls._open is None:
            cls._open = cls()
        cls._open.empty()
        return cls._open  # type: ignore[return-value]  # made by cls()

    def bindings(self) -> pd.DataFrame:
        """Which routing keys go to which queue, asked of the broker itself."""
        if self.kind == "rabbitmq":
            rows = self._rabbit_bindings()
        else:
            query = "select pattern, queue_name from pgmq.topic_bindings"
            rows = list(
                Databases({"broker": self.url})
                .read("broker", query)
                .itertuples(index=False, name=None)
            )
        frame = pd.DataFrame(sorted(rows), columns=["routing key", "queue"])
        frame.insert(0, "exchange", EXCHANGE)
        frame.index = pd.Index([""] * len(frame))
        return frame

    def _rabbit_bindings(self) -> list[tuple[str, str]]:
        said = RabbitNode(self._kept.folder / "rabbitmq").control(
            "list_bindings", "--silent", "source_name", "routing_key", "destination_name"
        )
        return [
            (key, queue)
            for source, key, queue in (line.split("\t") for line in said.splitlines())
            if source == EXCHANGE
        ]

    def publish(self, *messages: tuple[str, str]) -> None:
        """Pairs of routing key and text. Returns when the broker has confirmed all. Raises
        PublishFailed."""
        self._broker.publish(
            *(Message(type, text, dumps({"text": text})) for type, text in messages)
        )

    def depths(self) -> pd.DataFrame:
        """Messages ready for anybody. Those in a consumer's hand are not among them."""
        return pd.DataFrame([self._broker.depths()], index=["ready"]).rename_axis(columns="queue")

    def subscribe(self, *topics: str) -> Hand:
        """Takes only what is asked for, so that every step can be seen."""
        hand: Hand = (
            RabbitHand(self.url, topics or TOPICS)
            if self.kind == "rabbitmq"
            else PgmqHand(self.url, topics or TOPICS)
        )
        hand.ready = self._ready
        self._hands.append(hand)
        return hand

    def _ready(self) -> int:
        return sum(self._broker.depths().values())

    def empty(self) -> None:
        """Nothing is ready and nothing in a hand: every subscription is closed first."""
        while self._hands:
            self._hands.pop().close()
        hand = self.subscribe()
        while self._ready():
            hand.acknowledge(hand.receive(100, wait=1))
        hand.close()


def wanted_kind() -> Kind:
    wanted = os.environ.get(LAB_BROKER, "rabbitmq")
    return "rabbitmq" if wanted == "rabbitmq" and rabbitmq_server() else "pgmq"


def text_of(taken: Taken) -> str:
    """What was published, and how often it was delivered before."""
    before = f" (delivered {taken.earlier}× before)" if taken.earlier else ""
    return taken.body.decode().split('"')[3] + before
