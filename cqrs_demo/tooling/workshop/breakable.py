"""What a notebook may break, in a system of its own only: processes, the broker, a row, an answer.
Each call prints what it did, and notes it in `did`. Next: faults.py, row_lock.py, lost_answer.py,
which do it; shop.py, which this is a part of."""

import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from cqrs_demo.client.answer import Answer, number
from cqrs_demo.client.errors import NoAnswer, Refused, TookTooLong
from cqrs_demo.exact_json import dumps
from cqrs_demo.tooling.runtime.system import find_system
from cqrs_demo.tooling.workshop.client import PATIENCE, Client
from cqrs_demo.tooling.workshop.faults import broker_of, kill_service
from cqrs_demo.tooling.workshop.listener import Listener
from cqrs_demo.tooling.workshop.lost_answer import post_and_hang_up
from cqrs_demo.tooling.workshop.notebook_ids import NotebookIds
from cqrs_demo.tooling.workshop.row_lock import RowLock

User = Answer | int


def until(holds: Callable[[], bool], otherwise: str, seconds: float = PATIENCE) -> None:
    """Raises TookTooLong."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TookTooLong(f"After {seconds:.0f} s {otherwise}")
        time.sleep(0.03)


class Breakable:
    """`folder` is the data folder of a system of our own. `did` is what was broken and mended, and
    the orders between, in order."""

    client: Client
    own: NotebookIds
    folder: Path | None
    did: list[str]

    def real_id(self, user: User) -> int:
        """The id behind "user 1"."""
        return int(self.own.real("user", user["id"] if isinstance(user, Answer) else user))

    def kill(self, service: str) -> None:
        """End a service as a crash would. The supervisor starts it again within seconds."""
        kill_service(self._own_folder(), service)
        self._say(f"{service} was killed.")

    def stop_broker(self) -> None:
        """Nobody can reach the broker any more; it keeps its messages."""
        broker_of(self._own_folder()).stop()
        self._say("The broker is away.")

    def start_broker(self) -> None:
        """Harmless when it is there."""
        broker_of(self._own_folder()).start()
        self._say("The broker is back.")

    def mend(self) -> None:
        """The broker is there, and every service is ready."""
        self.start_broker()
        self.wait_until_ready()

    def _say(self, what: str) -> None:
        self.did.append(what)
        print(what)

    def wait_until_ready(self) -> None:
        """Until every service answers its health check with 200; one that was killed may have come
        back at another port. Raises TookTooLong."""
        folder = self._own_folder()
        until(lambda: find_system(folder).ready, "not every service is ready")
        self.client.moved(find_system(folder))

    def wait_until_answering(self, service: str) -> None:
        """Until a service that was killed answers again, whether it says that it is well or not.
        Raises TookTooLong."""
        until(lambda: self._answers(service), f"{service} does not answer")

    def _answers(self, service: str) -> bool:
        self.client.moved(find_system(self._own_folder()))
        return self._health(service) != "no answer"

    def _health(self, service: str) -> str:
        try:
            return str(self.client.get(service, "/healthcheck").status)
        except NoAnswer:
            return "no answer"

    def lock_row_of(self, user: User) -> RowLock:
        """Hold what the read model knows of this user. The consumer's transaction waits for the
        row, until release()."""
        self._own_folder()
        return RowLock(self.client.system.databases["invoice_service"], self.real_id(user))

    def listen(self, *topics: str) -> Listener:
        """A second subscriber, which hears every event of these topics from now on."""
        self._own_folder()
        assert self.client.system.broker is not None
        return Listener(
            self.client.system.broker.url, topics, lambda real: str(self.own.shown("event", real))
        )

    def place_order_unheard(
        self,
        user: User,
        description: str,
        amount: Decimal | int | float | str,
        on: str,
        *,
        idempotency_key: str,
    ) -> None:
        """The order is committed, and the connection is cut before its answer is read."""
        key = idempotency_key + self.own.tag
        body = {
            "user_id": self.real_id(user),
            "description": description,
            "amount": number(amount),
            "purchase_dt": f"{on}T10:00:00Z",
        }
        orders = self._orders(user, key)
        post_and_hang_up(
            self.client.system.url("order-service") + "/orders",
            self.client.system.token,
            dumps(body),
            key,
            lambda: orders["with_key"] > 0 or self._orders(user, key) != orders,
        )
        print("The order is committed. The connection broke: no answer.")

    def _orders(self, user: User, key: str) -> dict[str, int]:
        """How many this user has, and how many of them were made with this key."""
        query = (
            "select count(*) as every, count(*) filter (where idempotency_key = :key) as with_key "
            "from demo.orders where user_id = :user"
        )
        found = self.client.sql("order_service", query, key=key, user=self.real_id(user))
        return {name: int(found[name].item()) for name in found.columns}

    def _own_folder(self) -> Path:
        if self.folder is None:
            raise Refused(
                "this system is not the notebook's own; only one from Shop.open_private() may be "
                "broken"
            )
        return self.folder
