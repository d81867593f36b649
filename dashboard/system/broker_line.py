"""The dashboard's own line to the broker. How many messages wait is what the broker itself says: a
consumer that is frozen, or away, could not tell. That it does not answer is how a stopped one
looks."""

from cqrs_demo.client.errors import NoAnswer
from cqrs_demo.messaging.broker import SUBSCRIBERS, BrokerError, Message
from cqrs_demo.tooling.workshop.broker import SyncBroker
from system.one_call import OneCall, in_a_thread

TAKEN_WITHIN = 3.0  # seconds


class BrokerLine:
    """One connection, kept. Calls may come from several threads."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._broker = SyncBroker(url)
        self._looking = OneCall("broker", self._depths)

    def depths(self, within: float) -> dict[str, int]:
        """Messages ready, by topic; each has one subscriber. Raises NoAnswer."""
        try:
            return self._looking.result(within)
        except BrokerError as error:
            raise NoAnswer(str(error), "broker") from error

    def _depths(self) -> dict[str, int]:
        each = [self._broker.depths(subscriber) for subscriber in SUBSCRIBERS]
        return {topic: waiting for depths in each for topic, waiting in depths.items()}

    def publish(self, message: Message) -> None:
        """Raises NoAnswer."""
        sending = in_a_thread(lambda: self._broker.publish(message))
        try:
            sending.result(TAKEN_WITHIN)
        except (BrokerError, TimeoutError) as error:
            raise NoAnswer("does not take messages at the moment", "broker") from error

    def close(self) -> None:
        """Without waiting for a broker that hangs."""
        in_a_thread(self._broker.close)
