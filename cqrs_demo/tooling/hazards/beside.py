"""The naive shop beside a system that runs: on its PostgreSQL and its broker, with a database and a
queue of its own."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from cqrs_demo.tooling.hazards.processes import ShopProcess, naive_program
from cqrs_demo.tooling.hazards.waiting import HazardFailed
from cqrs_demo.tooling.runtime.migrations import migrate
from cqrs_demo.tooling.runtime.ports import free_port, is_free
from cqrs_demo.tooling.runtime.postgres import EmbeddedPostgres
from cqrs_demo.tooling.runtime.system import Folder, RunningSystem

PORTS = {"orders": 8095, "invoices": 8096}
"""Where each is found, unless somebody else has the port."""


@contextmanager
def naive_beside(system: RunningSystem) -> Iterator[tuple[ShopProcess, ShopProcess]]:
    """Its order service and its invoice service, until the block is left. Raises HazardFailed."""
    if system.folder is None or system.broker is None:
        raise HazardFailed("the naive shop runs beside a system that `cqrs-demo up` started")
    folder = Folder(system.folder)
    dsn = made_database(EmbeddedPostgres(folder.postgres).dsn())
    programs = [
        naive_program(
            name,
            dsn,
            system.broker.url,
            folder.logs / f"naive-{name}.log",
            port if is_free(port) else free_port(),
        )
        for name, port in PORTS.items()
    ]
    try:
        for program in programs:
            program.launch()
        for program in programs:
            program.wait_until_it_listens()
        yield programs[0], programs[1]
    finally:
        for program in programs:
            program.stop()


def made_database(admin_dsn: str) -> str:
    """The naive database, made if it is not there, and the DSN of its role."""
    address = urlsplit(admin_dsn).netloc.rpartition("@")[2]
    dsn = f"postgresql://naive:{secrets.token_urlsafe(12)}@{address}/naive"
    migrate(admin_dsn, [dsn])
    return dsn
