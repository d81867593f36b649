"""What a fault has left behind, whoever made it: a paused loop, a frozen process, a stopped broker.
It is found by looking at the system and not by remembering, so it is found after a reload, in
another browser, and by a dashboard that was started anew. And one call that heals all of it."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psutil
import psycopg

from cqrs_demo.client.errors import Trouble
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres, PostgresError
from cqrs_demo.tooling.runtime.rabbitmq_node import RabbitNode, RabbitNodeError
from cqrs_demo.tooling.runtime.system import Folder
from cqrs_demo.tooling.workshop.faults import broker_of
from system import fetch, reach
from system.faults import faults
from system.one_call import in_a_thread

BROKER, DATABASE = "broker", "database"
STARTED_WITHIN = 10.0  # seconds


class NotHealed(Trouble):
    """Something could not be mended; the text has each one's own sentence."""


def frozen() -> tuple[str, ...]:
    """Which processes of this machine's system are stopped (SIGSTOP): services, and what they stand
    on. And the broker, when it is stopped by us. Raises NoAnswer."""
    stopped = [name for name, process in _processes() if _is_stopped(process)]
    ours = [BROKER] if faults().left(BROKER) is not None else []
    return tuple(dict.fromkeys([*stopped, *ours]))


def _processes() -> Iterable[tuple[str, psutil.Process]]:
    """Only of a system that this machine's `up` started: others' are not known here."""
    system = reach.system()
    for name, service in system.services.items():
        if process := service.process and service.process.living():
            yield name, process
    if system.folder is not None:
        folder = Folder(system.folder)
        pids = {
            DATABASE: EmbeddedPostgres(folder.postgres).pid(),
            BROKER: RabbitNode(folder.rabbitmq).pid,
        }
        for name, pid in pids.items():
            if pid is not None:
                with suppress(psutil.Error):
                    yield name, psutil.Process(pid)


def _is_stopped(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.status() == psutil.STATUS_STOPPED)
    return False


def heal_everything(broker_is_away: bool) -> None:
    """Harmless where all is well. `broker_is_away`: it does not answer, and was not frozen. Raises
    NotHealed."""
    for name, process in _processes():
        _resume_all(process, with_children=name in (BROKER, DATABASE))
    for name in list(faults().since):
        faults().heal(name)
    with ThreadPoolExecutor(len(fetch.GATES) + 1) as pool:
        starting = pool.submit(_start_broker) if broker_is_away else None
        complaints = list(pool.map(_resume_gate, fetch.GATES))
        complaints += [starting.result()] if starting else []
    said = [complaint for complaint in complaints if complaint]
    if said:
        raise NotHealed(" ".join(said))


def _resume_all(process: psutil.Process, *, with_children: bool) -> None:
    with suppress(psutil.Error):
        below: list[psutil.Process] = process.children(recursive=True) if with_children else []
        for one in (process, *below):
            with suppress(psutil.Error):
                one.resume()


def _start_broker() -> str | None:
    """One that was stopped as the notebooks do it. What is wrong, if anything is."""
    folder = reach.system().folder
    if folder is None:
        return "The broker does not answer; start it where it runs."
    try:
        in_a_thread(lambda: broker_of(folder).start()).result(STARTED_WITHIN)
    except TimeoutError:
        return "The broker has not started yet."
    except (psycopg.Error, PostgresError, RabbitNodeError, Trouble) as error:
        return f"The broker could not be started: {error}."
    return None


def _resume_gate(gate: str) -> str | None:
    """What is wrong, if anything is. One that is not paused needs no resuming."""
    resume: Callable[[], None] = lambda: fetch.set_gate(gate, "running")  # noqa: E731
    try:
        if fetch.gate(gate)["mode"] == "paused":
            resume()
    except Trouble as trouble:
        return f"The {gate} could not be asked: {trouble}."
    return None
