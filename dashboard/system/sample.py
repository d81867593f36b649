"""A sample: what was found when everybody was asked at one moment. Nothing here asks or draws; that
is pulse.py, and stage/cards.py and strip.py."""

from dataclasses import dataclass
from typing import Any, Literal

from cqrs_demo.client.place import COMMAND_SERVICES, CONSUMERS
from system.fetch import GATES
from system.known import Fact, together, unknown
from system.tally import OnTheWay

RELAYS = ("user relay", "order relay", "payment relay")
Row = dict[str, Any]
Mode = Literal["running", "paused", "stuck", "away", "unknown"]
NOT_YET = "not asked yet"
AWAY = "its database does not answer"
NO_CONTROLS = "the service runs without the workshop's controls"


@dataclass(frozen=True)
class Sample:
    """`at` is seconds since the epoch."""

    at: float
    gates: dict[str, Fact[Row]]
    """What relays and consumer say of themselves, by the names of fetch.GATES."""
    logs: dict[str, Fact[int]]
    """Events in the log of each command service."""
    queues: Fact[dict[str, int]]
    """Messages ready in each queue, as the broker says."""
    on_the_way: Fact[OnTheWay]
    letters: dict[str, Fact[int]]
    """Dead letters that wait, by the service that could not apply them."""
    frozen: tuple[str, ...] = ()
    """Services, "broker", "database": those whose process is stopped, and a stopped broker."""
    accepted: Fact[Row] | None = None
    invoiced: Fact[Row] | None = None
    """Orders, and what they come to, of the two sides. They are counted while somebody looks at the
    proof; else there is neither."""

    # Of the loops.

    def mode(self, gate: str) -> Mode:
        """stuck: it wants to move events, and cannot. away: its service does not answer."""
        state = self.gates[gate]
        if not state.fresh:
            return "unknown" if state.why in (NOT_YET, None) else "away"
        if state.holds(lambda state: state["mode"] == "paused"):
            return "paused"
        return "stuck" if self.trouble(gate) else "running"

    def trouble(self, gate: str) -> str | None:
        """What holds a loop up that is not paused, in a few words; None when nothing does, or when
        nobody knows."""
        state = self.gates[gate]
        if self.database_is_away(gate):
            return AWAY
        if self.broker_mode == "away":
            return "waits for the broker"
        return "is stuck" if state.holds(lambda state: bool(state["trouble"])) else None

    def database_is_away(self, gate: str) -> bool:
        """The service answers, and what only its database knows is missing."""
        consumes = gate.endswith("consumer")
        asked = self.letters[GATES[gate]] if consumes else self.outbox(gate)
        return self.gates[gate].fresh and AWAY in (asked.why or "")

    @property
    def dead(self) -> Fact[int]:
        """Dead letters that wait, of all services."""
        return together(lambda *counts: sum(counts), *self.letters.values())

    def outbox(self, relay: str) -> Fact[int]:
        return self._of(relay, "outbox")

    def published(self, relay: str) -> Fact[int]:
        """Events that the broker has confirmed to this relay, since its service started."""
        return self._of(relay, "published")

    def projected(self) -> Fact[int]:
        """Events that invoice-service has projected since it started."""
        return self.applied("consumer")

    def applied(self, consumer: str) -> Fact[int]:
        return self._of(consumer, "counts").then(lambda counts: counts["projected"])

    def duplicates(self) -> Fact[int]:
        return self._of("consumer", "counts").then(lambda counts: counts["duplicate"])

    def latency(self) -> Fact[float | None]:
        """Seconds from commit to projection, of what was projected in the last minute; None when
        nothing was."""
        told = self.gates["consumer"].then(lambda state: state.get("latency", NO_CONTROLS))
        return unknown(NO_CONTROLS) if told.holds(lambda value: value == NO_CONTROLS) else told

    def _of(self, gate: str, name: str) -> Fact[Any]:
        state = self.gates[gate]
        why = AWAY if state.holds(lambda told: told.get("controls", True)) else NO_CONTROLS
        return state.then(lambda told: told.get(name)).needed(why)

    # Of the broker.

    @property
    def broker_mode(self) -> Mode:
        if self.queues.fresh:
            return "running"
        return "unknown" if self.queues.why in (NOT_YET, None) else "away"

    @property
    def broker_says(self) -> str:
        """Nothing while it runs."""
        if self.broker_mode == "running":
            return ""
        if self.broker_mode == "unknown":
            return "unknown"
        return "stopped" if "broker" in self.frozen else "does not answer"

    def in_queues(self) -> Fact[int]:
        return self.queues.then(lambda queues: sum(queues.values()))

    # Of all.

    def has_controls(self) -> bool:
        """Whether time can be stopped here. False once a service says that it cannot."""
        return not any(
            state.holds(lambda told: not told.get("controls", True))
            for state in self.gates.values()
        )

    def others_work(self, service: str) -> bool:
        """Whether all services but this one are known to do their work."""
        return all(
            self.gates[gate].fresh and not self.database_is_away(gate)
            for gate, whose in GATES.items()
            if whose != service
        )

    def left_behind(self) -> list[str]:
        """What may not mend itself: paused loops, frozen processes, a broker or a database that
        does not answer."""
        left = [f"{gate} paused" for gate in GATES if self.mode(gate) == "paused"]
        left += [f"{name} {'stopped' if name == 'broker' else 'frozen'}" for name in self.frozen]
        if "database" not in self.frozen:
            if any(self.database_is_away(gate) for gate in GATES):
                left.append("database does not answer")
            elif self.broker_mode == "away" and "broker" not in self.frozen:
                left.append("broker does not answer")
        return left


def nothing_known(at: float) -> Sample:
    """Before anybody has answered."""
    not_yet: Fact[Any] = unknown(NOT_YET)
    return Sample(
        at,
        dict.fromkeys(GATES, not_yet),
        dict.fromkeys(COMMAND_SERVICES, not_yet),
        not_yet,
        not_yet,
        dict.fromkeys(CONSUMERS, not_yet),
    )
